import CWeir

/// What one step learns from: samples, and what else is known of them. Its buffers are read during the call only.
public struct TrainingBatch {
  /// Float, the numbers of in-distribution samples, one after the other, in the units of `Session.score`.
  public var x: UnsafeBufferPointer<Float>
  /// The class of each sample, 0 to the prior's components - 1, or -1 for unknown; needs a ``Prior/gaussianMixture(components:trainable:)``.
  /// A labelled sample is likely under its class's component, the others under the mixture. nil for none known.
  public var labels: [Int32]?
  /// Out-of-distribution samples, like `x`, whose likelihood is to fall (Kirichenko et al. 2020, appendix B); nil for none. Both together
  /// are at most the trainer's batch.
  public var negative: UnsafeBufferPointer<Float>?
  /// Nats: only out-of-distribution samples of a log-likelihood above it count. -3e4 suits grey 28x28, -1e5 colour 32x32.
  public var negativeFloor: Double

  /// A batch of samples alone.
  public init(_ x: UnsafeBufferPointer<Float>) {
    self.x = x
    negativeFloor = Self.defaultNegativeFloor
  }

  /// The engine's floor for out-of-distribution samples, -3e4.
  public static var defaultNegativeFloor: Double { weir_train_batch_of(nil, 0).negative_floor }
}

extension Trainer {
  /// Calls the engine with a batch whose counts fit together.
  func withEngineBatch(
    _ batch: TrainingBatch, _ function: StaticString,
    _ body: (UnsafePointer<weir_train_batch>, UnsafeMutablePointer<weir_error>) -> weir_status
  ) throws(WeirError) {
    var engine = try weir_train_batch_of(batch.x.baseAddress, samples(in: batch.x))
    if let labels = batch.labels, labels.count != engine.n {
      throw WeirError(.shape, where: "labels", "are \(labels.count) for \(engine.n) samples; give one each, -1 for unknown")
    }
    if let negative = batch.negative {
      engine.negative = negative.baseAddress
      engine.negative_n = try samples(in: negative)
    }
    engine.negative_floor = batch.negativeFloor
    try callEngine(function) { failure in
      guard let labels = batch.labels else { return body(&engine, failure) }
      return labels.withUnsafeBufferPointer {
        engine.labels = $0.baseAddress
        return body(&engine, failure)
      }
    }
  }

  /// A batch over arrays, for the time of `body`.
  func withBatch<Result>(
    _ x: [Float], labels: [Int32]?, negative: [Float]?, negativeFloor: Double,
    _ body: (TrainingBatch) throws(WeirError) -> Result
  ) throws(WeirError) -> Result {
    try x.withUnsafeBufferPointer { input throws(WeirError) in
      var batch = TrainingBatch(input)
      batch.labels = labels
      batch.negativeFloor = negativeFloor
      guard let negative else { return try body(batch) }
      return try negative.withUnsafeBufferPointer { outside throws(WeirError) in
        batch.negative = outside
        return try body(batch)
      }
    }
  }
}
