import Weir
import WeirReport

/// The size of a run and the units of its loss.
struct TrainingPlan {
  let epochs: Int
  let batch: Int
  /// Batches in an epoch; an incomplete last one is dropped.
  let batches: Int
  let dims: Int
  let isImage: Bool

  /// Steps in the whole run.
  var steps: Int { epochs * batches }

  /// What one sample is called.
  var noun: String { isImage ? "images" : "rows" }

  /// Bits per dimension of a loss in nats.
  func bitsPerDimension(_ loss: Double) -> Double { loss / (Double(dims) * 0.693147180559945309417) }

  /// A loss in nats per sample as it is shown: bits per dimension for images.
  func figure(_ loss: Double) -> String {
    isImage ? "\(Self.short(bitsPerDimension(loss))) bits/dim" : "\(Self.short(loss)) nats"
  }

  /// Three digits after the point, or three in all for what a diverging run comes to.
  private static func short(_ value: Double) -> String {
    abs(value) < 1e6 ? NumberText.fixed(value, 3) : NumberText.significant(value, 3)
  }
}
