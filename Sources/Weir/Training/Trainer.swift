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
  /// Most samples in one step, out-of-distribution ones included.
  public let batch: Int

  let handle: OpaquePointer

  private init(adopting trainer: OpaquePointer, batch: Int) {
    handle = trainer
    self.batch = batch
  }

  deinit { weir_trainer_close(handle) }

  /// A trainer with freshly initialised weights.
  ///
  /// - Parameters:
  ///   - spec: the model's JSON description, see `FlowSpec`.
  ///   - options: how the trainer works.
  /// - Throws: `WeirError.Code.spec` naming the step that is wrong; `argument`, `memory`.
  public static func create(spec: String, options: TrainerOptions = TrainerOptions()) throws(WeirError) -> Trainer {
    var trainer: OpaquePointer?
    var engineOptions = try options.engineOptions()
    try callEngine("create") { weir_trainer_create(spec, &engineOptions, &trainer, $0) }
    return try adopt(trainer, options)
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
    return try adopt(trainer, options)
  }

  private static func adopt(_ trainer: OpaquePointer?, _ options: TrainerOptions) throws(WeirError) -> Trainer {
    guard let trainer else { throw WeirError(.memory, where: "Trainer", "the engine gave no trainer") }
    return Trainer(adopting: trainer, batch: options.batch)
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
  ///   - batch: 1 to ``batch`` samples.
  ///   - learningRate: for this step.
  /// - Throws: `WeirError.Code.shape`, `argument` for a label out of range, `unsupported` for labels without classes, or `numeric` when
  ///   training met NaN or Inf and could not recover.
  public func step(_ batch: TrainingBatch, learningRate: Double) throws(WeirError) -> StepReport {
    var report = weir_step_report()
    report.struct_size = MemoryLayout<weir_step_report>.size
    try withEngineBatch(batch, "step") { weir_trainer_step_batch(handle, $0, learningRate, &report, $1) }
    return StepReport(report)
  }

  /// As `step`, for samples alone: Float, one after the other, in the units of `Session.score`.
  public func step(_ x: UnsafeBufferPointer<Float>, learningRate: Double) throws(WeirError) -> StepReport {
    try step(TrainingBatch(x), learningRate: learningRate)
  }

  /// As `step`, for arrays; see ``TrainingBatch`` for what they hold.
  public func step(
    _ x: [Float], labels: [Int32]? = nil, negative: [Float]? = nil,
    negativeFloor: Double = TrainingBatch.defaultNegativeFloor, learningRate: Double
  ) throws(WeirError) -> StepReport {
    try withBatch(x, labels: labels, negative: negative, negativeFloor: negativeFloor) { (batch) throws(WeirError) in
      try step(batch, learningRate: learningRate)
    }
  }

  /// Loss and gradients without an update. Read the gradients by ``gradients(of:)`` before the next call.
  ///
  /// - Parameter batch: as for `step`.
  /// - Returns: what a step would minimise, nats per sample: the mean negative log-likelihood; with out-of-distribution samples that count,
  ///   half the sum of it and their mean log-likelihood.
  /// - Throws: as `step`.
  public func gradient(_ batch: TrainingBatch) throws(WeirError) -> Double {
    var loss = 0.0
    try withEngineBatch(batch, "gradient") { weir_trainer_gradient_batch(handle, $0, &loss, $1) }
    return loss
  }

  /// As `gradient`, for arrays.
  public func gradient(
    _ x: [Float], labels: [Int32]? = nil, negative: [Float]? = nil,
    negativeFloor: Double = TrainingBatch.defaultNegativeFloor
  ) throws(WeirError) -> Double {
    try withBatch(x, labels: labels, negative: negative, negativeFloor: negativeFloor) { (batch) throws(WeirError) in
      try gradient(batch)
    }
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
