import Weir
import WeirData
import WeirReport

/// One run of `weir train`: epochs over shuffled batches, checkpoints on the way, batch norm's statistics at the end.
final class TrainingRun {
  /// How a run ended.
  enum Ending {
    case finished
    /// By a signal, with everything in the checkpoint.
    case stopped
  }

  private let recipe: Recipe
  private let input: ModelInput
  private let plan: TrainingPlan
  private let trainer: Trainer
  private let schedule: LearningRateSchedule
  private let checkpoint: String
  private let log: TrainingLog?
  private var state: RunState
  private let batch: UnsafeMutableBufferPointer<Float>
  private var lastCheckpoint = ContinuousClock.now

  /// - Parameters:
  ///   - trainer: new, or opened from the checkpoint that `state` comes from.
  ///   - checkpoint: where to keep checkpoints.
  init(
    _ recipe: Recipe, _ input: ModelInput, _ plan: TrainingPlan, trainer: Trainer, state: RunState, checkpoint: String,
    log: TrainingLog?
  ) {
    self.recipe = recipe
    self.input = input
    self.plan = plan
    self.trainer = trainer
    self.state = state
    self.checkpoint = checkpoint
    self.log = log
    schedule = recipe.train.schedule.schedule(
      rate: recipe.train.learningRate, epochs: plan.epochs, batches: plan.batches)
    batch = .allocate(capacity: plan.batch * input.dims)
  }

  deinit { batch.deallocate() }

  /// Trains to the end, or until a signal comes.
  ///
  /// - Throws: `WeirError` when training can't recover or a checkpoint can't be written.
  func run() throws(WeirError) -> Ending {
    var progress = TrainingProgress(plan, firstStep: step)
    while state.epoch < plan.epochs {
      let order = EpochOrder(count: input.count, seed: recipe.train.seed, epoch: state.epoch)
      while state.position < plan.batches {
        try takeStep(order, &progress)
        if StopSignal.isRequested {
          Console.clear()
          try saveCheckpoint()
          return .stopped
        }
        if checkpointIsDue { try saveCheckpoint() }
      }
      state.epoch += 1
      state.position = 0
      progress.endEpoch(state.epoch, step: step)
    }
    // What follows can take minutes and can be stopped too.
    try saveCheckpoint()
    return try reestimateBatchNorm() ? .finished : .stopped
  }

  /// Steps done.
  private var step: Int { state.epoch * plan.batches + state.position }

  private func takeStep(_ order: EpochOrder, _ progress: inout TrainingProgress) throws(WeirError) {
    fill(order.rows[state.position * plan.batch..<(state.position + 1) * plan.batch])
    let rate = schedule.rate(at: step)
    let report = try trainer.step(UnsafeBufferPointer(batch), learningRate: rate)
    state.position += 1
    if let place = report.skippedAt {
      let remedy = place == "input" ? "" : " and the learning rate halved"
      progress.note("step \(step): not finite in \(place); the update was dropped\(remedy)")
    }
    progress.add(report, step: step)
    if let log, step.isMultiple(of: recipe.train.logEvery) || report.skippedAt != nil {
      log.write(line(report, progress))
    }
  }

  private func fill(_ rows: ArraySlice<UInt32>) {
    for (place, row) in rows.enumerated() { input.copy(Int(row), into: batch.baseAddress! + place * input.dims) }
  }

  private func line(_ report: StepReport, _ progress: TrainingProgress) -> JSONText {
    var members: [(String, JSONText)] = [
      ("step", .integer(step)), ("epoch", .integer((step - 1) / plan.batches + 1)), ("loss", .number(report.loss)),
    ]
    if plan.isImage { members.append(("bits_per_dim", .number(plan.bitsPerDimension(report.loss)))) }
    members += [
      ("gradient_norm", .number(report.gradientNorm)), ("learning_rate", .number(report.learningRate)),
      ("\(plan.noun)_per_second", .number((progress.rate(step: step) * 10).rounded() / 10)),
      ("skipped_at", report.skippedAt.map { .string($0) } ?? .null),
    ]
    return .object(members)
  }

  private var checkpointIsDue: Bool {
    switch recipe.train.checkpointEvery {
    case .never: false
    case .steps(let count): step.isMultiple(of: count)
    case .minutes(let minutes): ContinuousClock.now - lastCheckpoint >= .seconds(60 * minutes)
    }
  }

  private func saveCheckpoint() throws(WeirError) {
    try trainer.saveCheckpoint(checkpoint, hostState: state.text)
    lastCheckpoint = .now
  }

  /// Pools batch norm's statistics over the first samples of an order of their own. False when a signal stopped it.
  private func reestimateBatchNorm() throws(WeirError) -> Bool {
    let samples = min(recipe.train.batchNormReestimate, input.count)
    guard samples >= 2 else { return true }
    let order = EpochOrder(count: input.count, seed: recipe.train.seed, epoch: -1)
    try trainer.reestimateBatchNorm { (add) throws(WeirError) in
      var start = 0
      while samples - start >= 2, !StopSignal.isRequested {
        let count = min(plan.batch, samples - start)
        fill(order.rows[start..<start + count])
        try add(UnsafeBufferPointer(rebasing: batch[0..<count * input.dims]))
        start += count
        Console.show("batch norm: statistics over \(NumberText.grouped(start)) of \(NumberText.grouped(samples)) \(plan.noun)")
      }
    }
    Console.clear()
    return !StopSignal.isRequested
  }
}
