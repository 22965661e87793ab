import Weir

/// How well a score tells in-distribution samples from others.
///
/// Convention: in-distribution is the positive class and the score is the log-likelihood, so a high score means "belongs", and an AUROC
/// below 0.5 means that the flow prefers the other set. Scores may be -infinity; NaN counts as -infinity, never as normal.
///
/// ```swift
/// let metrics = try DetectionMetrics(inDistribution: session.score(test), outOfDistribution: session.score(other))
/// print(metrics.auroc)   // 0.08: the flow finds the other set more likely
/// ```
public struct DetectionMetrics: Sendable, Hashable {
  /// P(in > out) + P(in = out) / 2 over all pairs, exactly, by ranks.
  public let auroc: Double
  /// Average precision with in-distribution positive: sum over thresholds, high to low, of (recall step) x precision.
  public let auprIn: Double
  /// Average precision with out-of-distribution positive and the negated score.
  public let auprOut: Double
  /// Share of the out-of-distribution samples accepted at the highest threshold that accepts 95 % of the in-distribution ones or more.
  /// A score equal to the threshold is accepted.
  public let fpr95: Double

  /// Computes all of them.
  ///
  /// - Throws: `WeirError.Code.argument` when either set is empty.
  public init(inDistribution: [Double], outOfDistribution: [Double]) throws(WeirError) {
    guard !inDistribution.isEmpty, !outOfDistribution.isEmpty else {
      throw WeirError(.argument, where: "DetectionMetrics", "both sets need at least one score")
    }
    let groups = ScoreGroup.descending(inDistribution, outOfDistribution)
    let positives = Double(inDistribution.count)
    let negatives = Double(outOfDistribution.count)
    var (acceptedIn, acceptedOut) = (0.0, 0.0)
    var (pairs, averagePrecision) = (0.0, 0.0)
    var fpr95: Double?
    for group in groups {
      pairs += group.ins * (negatives - acceptedOut - group.outs) + 0.5 * group.ins * group.outs
      acceptedIn += group.ins
      acceptedOut += group.outs
      averagePrecision += group.ins / positives * (acceptedIn / (acceptedIn + acceptedOut))
      // Counts are compared as 20 x accepted >= 19 x all, which is exact where 0.95 is not.
      if fpr95 == nil, 20 * acceptedIn >= 19 * positives { fpr95 = acceptedOut / negatives }
    }
    auroc = pairs / (positives * negatives)
    auprIn = averagePrecision
    self.fpr95 = fpr95 ?? 1
    var (rejectedIn, rejectedOut, averagePrecisionOut) = (0.0, 0.0, 0.0)
    for group in groups.reversed() {
      rejectedIn += group.ins
      rejectedOut += group.outs
      averagePrecisionOut += group.outs / negatives * (rejectedOut / (rejectedIn + rejectedOut))
    }
    auprOut = averagePrecisionOut
  }

  /// What to print beside the numbers.
  public static let convention =
    "In-distribution is positive, the score is the log-likelihood: AUROC below 0.5 means the flow prefers the other set. "
    + "FPR95 is the share of the other set accepted when 95 % of the in-distribution set is."
}

/// Samples that share one score.
struct ScoreGroup {
  var ins = 0.0
  var outs = 0.0

  /// Groups in order of falling score.
  static func descending(_ inScores: [Double], _ outScores: [Double]) -> [ScoreGroup] {
    func usable(_ score: Double) -> Double { score.isNaN ? -.infinity : score }
    var all = inScores.map { (score: usable($0), isIn: true) } + outScores.map { (score: usable($0), isIn: false) }
    all.sort { $0.score > $1.score }
    var groups: [ScoreGroup] = []
    var current: Double?
    for sample in all {
      if sample.score != current {
        groups.append(ScoreGroup())
        current = sample.score
      }
      if sample.isIn { groups[groups.count - 1].ins += 1 } else { groups[groups.count - 1].outs += 1 }
    }
    return groups
  }
}
