import Weir
import WeirData
import WeirDetection
import WeirReport

/// What a finished run prints of the samples it has not seen: the mean of the test samples, or `weir evaluate`'s table when others are to
/// be told from them.
struct FinalReport {
  private let model: String
  private let plan: TrainingPlan
  private let session: Session

  /// Opens the model file that the run wrote.
  init(model: String, _ plan: TrainingPlan, threads: Int) throws(WeirError) {
    self.model = model
    self.plan = plan
    session = try Flow.open(model).session(threads: threads)
  }

  /// Scores the test samples and the others.
  func text(_ test: TrainingData.Named, _ out: [TrainingData.Named]) throws(WeirError) -> String {
    let reference = try score(test)
    let classes = try classShare(test).map { "\n\($0)" } ?? ""
    guard !out.isEmpty else { return mean(reference) + classes }
    var others: [(set: ScoredInput, metrics: DetectionMetrics)] = []
    for input in out {
      let set = try score(input)
      others.append((set, try DetectionMetrics(inDistribution: reference.scores, outOfDistribution: set.scores)))
    }
    return Evaluation(model: model, info: session.flow.info, reference: reference, others: others).text + classes
  }

  /// How often a labelled test sample is most likely under its own class; nil when classes play no part.
  private func classShare(_ test: TrainingData.Named) throws(WeirError) -> String? {
    let (input, classes) = (test.input, session.flow.info.components)
    guard classes > 1, let labels = input.labels else { return nil }
    var (right, known) = (0, 0)
    var x = [Float](repeating: 0, count: input.dims)
    for (row, label) in labels.enumerated() where (0..<classes).contains(Int(label)) {
      x.withUnsafeMutableBufferPointer { input.copy(row, into: $0.baseAddress!) }
      let scores = try session.scoreClasses(x)
      known += 1
      right += scores.indices.max { scores[$0] < scores[$1] } == Int(label) ? 1 : 0
    }
    guard known > 0 else { return nil }
    let share = NumberText.fixed(100 * Double(right) / Double(known), 1)
    return "\(share)% of \(NumberText.grouped(known)) labelled test \(plan.noun) are most likely under their own class"
  }

  private func score(_ named: TrainingData.Named) throws(WeirError) -> ScoredInput {
    session.seek(to: 0)
    let scores = try session.score(named.input) { done in
      Console.show("\(named.name): \(NumberText.grouped(done)) of \(NumberText.grouped(named.input.count)) scored")
    }
    Console.clear()
    return ScoredInput(name: named.name, scores: scores)
  }

  private func mean(_ scored: ScoredInput) -> String {
    let summary = ValidationScore(scored.scores)
    let rest = summary.notFinite == 0 ? "" : ", \(summary.notFinite) without a finite score"
    let count = NumberText.grouped(scored.scores.count - summary.notFinite)
    return "test: mean \(plan.figure(-summary.mean)) over \(count) \(plan.noun)\(rest)"
  }
}
