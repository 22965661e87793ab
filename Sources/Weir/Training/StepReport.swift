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
  /// When loss or gradient was not finite: "input", or the first step or parameter that was not. The update was dropped and, unless it
  /// was the input, the rate halved; from the second such step in a row on the last good state is restored too. nil for a step taken.
  public let skippedAt: String?

  init(_ report: weir_step_report) {
    step = report.step
    loss = report.loss
    negativeMean = report.negative_mean
    negativeCount = report.negative_count
    gradientNorm = report.gradient_norm
    learningRate = report.learning_rate
    skippedAt = report.skipped == 0 ? nil : text(of: report.layer)
  }
}
