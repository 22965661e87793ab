import Weir
import WeirDetection
import WeirReport

/// What `weir evaluate` found, as a table or as JSON.
struct Evaluation {
  let model: String
  let info: FlowInfo
  let reference: ScoredInput
  let others: [(set: ScoredInput, metrics: DetectionMetrics)]

  private var isImage: Bool { info.levels > 0 }

  private func summary(_ set: ScoredInput) -> ScoreSummary {
    isImage ? ScoreSummary(set.scores, unit: info.bitsPerDimension) : ScoreSummary(set.scores)
  }

  var text: String {
    let unit = isImage ? "bits/dim" : "nats"
    var table = TextTable(
      header: ["set", "count", "not finite", "mean \(unit)", "median", "std", "AUROC", "AUPR-in", "AUPR-out", "FPR95"])
    func row(_ set: ScoredInput, _ metrics: [String]) {
      let summary = summary(set)
      table.add(
        [set.name, NumberText.grouped(summary.count), NumberText.grouped(summary.notFinite)]
          + [summary.mean, summary.median, summary.deviation].map { NumberText.fixed($0, 3) } + metrics)
    }
    row(reference, ["in", "", "", ""])
    for other in others {
      let metrics = other.metrics
      row(other.set, [metrics.auroc, metrics.auprIn, metrics.auprOut, metrics.fpr95].map { NumberText.fixed($0, 4) })
    }
    let likelihood = isImage ? "fewer bits/dim is more likely" : "log-likelihood in nats: more is more likely"
    let convention = DetectionMetrics.convention.replacing(". ", with: ".\n")
    return "\(table.text)\n\n\(convention)\nMeans and deviations are over finite scores; \(likelihood)."
  }

  var json: JSONText {
    .object([
      ("model", .string(model)),
      ("unit", .string(isImage ? "bits_per_dim" : "nats")),
      ("convention", .string(DetectionMetrics.convention)),
      ("in", json(reference, nil)),
      ("out", .array(others.map { json($0.set, $0.metrics) })),
    ])
  }

  private func json(_ set: ScoredInput, _ metrics: DetectionMetrics?) -> JSONText {
    let summary = summary(set)
    var members: [(String, JSONText)] = [
      ("name", .string(set.name)),
      ("score", .string(ScoreName.likelihood.rawValue)),
      ("count", .integer(summary.count)),
      ("not_finite", .integer(summary.notFinite)),
      ("mean", .number(summary.mean)),
      ("median", .number(summary.median)),
      ("std", .number(summary.deviation)),
    ]
    if let metrics {
      members += [
        ("auroc", .number(metrics.auroc)), ("aupr_in", .number(metrics.auprIn)), ("aupr_out", .number(metrics.auprOut)),
        ("fpr95", .number(metrics.fpr95)),
      ]
    }
    return .object(members)
  }
}
