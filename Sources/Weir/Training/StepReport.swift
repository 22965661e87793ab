import CWeir

/// What one training step did.
public struct StepReport: Sendable, Hashable {
  /// Steps done, this one included.
  public let step: UInt64
  /// Mean negative log-likelihood of the batch's in-distribution samples before the update, nats per sample.
  public let loss: Double
  /// Mean log-likelihood, nats, of the out-of-distribution samples that counted; 0 when none did.
  public let negativeMean: Double
  /// Out-of-distribution samples above the floor: those that counted.
  public let negativeCount: Int
  /// Norm of the gradient before clipping.
  public let gradientNorm: Double
  /// The rate used, after any lowering by the guard.
  public let learningRate: Double
  /// Why the update was dropped: "input", or the first step or parameter that was not finite, or "loss" when training has diverged. Unless
  /// it was the input, the rate is halved. nil for a step taken.
  public let skippedAt: String?
  /// The last good state was brought back: at the second step in a row that was not finite, or when training has diverged.
  public let restored: Bool

  init(_ report: weir_step_report) {
    step = report.step
    loss = report.loss
    negativeMean = report.negative_mean
    negativeCount = report.negative_count
    gradientNorm = report.gradient_norm
    learningRate = report.learning_rate
    skippedAt = report.skipped == 0 ? nil : text(of: report.layer)
    restored = report.restored != 0
  }
}
