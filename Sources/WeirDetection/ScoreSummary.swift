/// Scores of one set in short.
public struct ScoreSummary: Sendable, Hashable {
  /// Samples.
  public let count: Int
  /// Samples without a finite score (-infinity: nothing that can't be scored counts as normal).
  public let notFinite: Int
  /// Mean over the finite scores; NaN when there are none.
  public let mean: Double
  /// Middle of all scores, those that are not finite included at the low end; the mean of the two middle ones for an even count.
  public let median: Double
  /// Standard deviation over the finite scores (divided by their number).
  public let deviation: Double

  /// Summarises log-likelihoods, or whatever `unit` makes of each.
  ///
  /// - Parameter unit: for example `info.bitsPerDimension`, which turns nats into bits per dimension.
  public init(_ scores: [Double], unit: (Double) -> Double = { $0 }) {
    let finite = scores.filter(\.isFinite).map(unit)
    count = scores.count
    notFinite = scores.count - finite.count
    let total = Double(finite.count)
    let mean = finite.reduce(0, +) / total
    self.mean = mean
    deviation = (finite.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / total).squareRoot()
    let sorted = scores.map { $0.isNaN ? -.infinity : $0 }.sorted()
    if sorted.isEmpty {
      median = .nan
    } else {
      let (low, high) = (sorted[(count - 1) / 2], sorted[count / 2])
      median = low == high ? unit(low) : 0.5 * (unit(low) + unit(high))
    }
  }
}
