import CWeir

/// Trains a flow by maximum likelihood. The caller brings batches and each step's learning rate; the trainer owns parameters,
/// optimizer and scratch memory. Not Sendable: one thread at a time.
///
/// ```swift
/// let trainer = try Trainer.create(FlowSpec.realnvp(shape: [1, 28, 28], scales: 2, channels: 32, blocks: 2))
/// let report = try trainer.step(batch, learningRate: 5e-4)   // Float [n, 1, 28, 28], values 0..255
/// try trainer.saveModel("model.safetensors")
/// ```
public final class Trainer {
  let handle: OpaquePointer

  private init(adopting trainer: OpaquePointer) { handle = trainer }

  deinit { weir_trainer_close(handle) }

  /// A trainer with freshly initialised weights.
  ///
  /// - Parameter spec: the model's JSON description, see `FlowSpec`.
  /// - Throws: `WeirError.Code.spec` naming the step that is wrong; `argument`, `memory`.
  public static func create(spec: String, options: TrainerOptions = TrainerOptions()) throws(WeirError) -> Trainer {
    var trainer: OpaquePointer?
    var engineOptions = try options.engineOptions()
    try callEngine("create") { weir_trainer_create(spec, &engineOptions, &trainer, $0) }
    return try adopt(trainer)
  }

  /// A trainer with freshly initialised weights.
  ///
  /// - Throws: as ``create(spec:options:)``.
  public static func create(_ spec: FlowSpec, options: TrainerOptions = TrainerOptions()) throws(WeirError) -> Trainer {
    try create(spec: spec.json, options: options)
  }

  /// A trainer with the weights of a model file or a checkpoint. A checkpoint also brings the optimizer and the position, and then
  /// continues bit-identically to a run that never stopped, given the same options and batches.
  ///
  /// - Throws: as ``Flow/open(_:)``.
  public static func open(_ path: String, options: TrainerOptions = TrainerOptions()) throws(WeirError) -> Trainer {
    var trainer: OpaquePointer?
    var engineOptions = try options.engineOptions()
    try callEngine("open", file: path) { weir_trainer_open(path, &engineOptions, &trainer, $0) }
    return try adopt(trainer)
  }

  private static func adopt(_ trainer: OpaquePointer?) throws(WeirError) -> Trainer {
    guard let trainer else { throw WeirError(.memory, where: "Trainer", "the engine gave no trainer") }
    return Trainer(adopting: trainer)
  }

  /// Numbers of one sample.
  public var dims: Int { weir_trainer_dims(handle) }

  /// Steps done so far, those before a checkpoint included.
  public var steps: UInt64 { weir_trainer_steps(handle) }

  /// Bytes that the trainer holds.
  public var bytes: Int { weir_trainer_bytes(handle) }

  /// The text stored with the checkpoint that the trainer was opened from, or "".
  public var hostState: String { String(cString: weir_trainer_host_state(handle)) }

  /// One optimizer step.
  ///
  /// - Parameters:
  ///   - x: Float, the numbers of 1 to the batch's samples, one after the other, in the units of `Session.score`.
  ///   - learningRate: for this step.
  /// - Throws: `WeirError.Code.shape`, or `numeric` when training met NaN or Inf and could not recover.
  public func step(_ x: UnsafeBufferPointer<Float>, learningRate: Double) throws(WeirError) -> StepReport {
    let count = try samples(in: x)
    var report = weir_step_report()
    report.struct_size = MemoryLayout<weir_step_report>.size
    try callEngine("step") { weir_trainer_step(handle, x.baseAddress, count, learningRate, &report, $0) }
    return StepReport(report)
  }

  /// As `step`, for an array.
  public func step(_ x: [Float], learningRate: Double) throws(WeirError) -> StepReport {
    try x.withUnsafeBufferPointer { input throws(WeirError) in try step(input, learningRate: learningRate) }
  }

  /// Loss and gradients without an update. Read the gradients by ``gradients(of:)`` before the next call.
  ///
  /// - Parameter x: as for `step`.
  /// - Returns: mean negative log-likelihood, nats per sample.
  /// - Throws: `WeirError.Code.shape`.
  public func gradient(_ x: [Float]) throws(WeirError) -> Double {
    var loss = 0.0
    try x.withUnsafeBufferPointer { input throws(WeirError) in
      let count = try samples(in: input)
      try callEngine("gradient") { weir_trainer_gradient(handle, input.baseAddress, count, &loss, $0) }
    }
    return loss
  }

  /// How many samples a buffer holds; it must hold whole ones.
  func samples(in x: UnsafeBufferPointer<Float>) throws(WeirError) -> Int {
    let (count, rest) = x.count.quotientAndRemainder(dividingBy: dims)
    guard count > 0, rest == 0 else {
      throw WeirError(.shape, where: "Trainer", "\(x.count) numbers are not whole samples of \(dims); give n times \(dims)")
    }
    return count
  }
}

/// What one training step did.
public struct StepReport: Sendable, Hashable {
  /// Steps done, this one included.
  public let step: UInt64
  /// Mean negative log-likelihood of the batch before the update, nats per sample.
  public let loss: Double
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
    gradientNorm = report.gradient_norm
    learningRate = report.learning_rate
    skippedAt = report.skipped == 0 ? nil : text(of: report.layer)
  }
}
