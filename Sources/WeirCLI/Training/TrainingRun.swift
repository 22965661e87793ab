import Weir
import WeirData
import WeirReport

/// One run of `weir train`: epochs over shuffled batches, checkpoints on the way, a look at the validation set after each epoch, and the
/// model file at the end.
final class TrainingRun {
  /// How a run ended.
  enum Ending {
    /// The model file is written.
    case finished
    /// By a signal, with everything in the checkpoint.
    case stopped
  }

  /// Files that a run writes.
  struct Files {
    let model: String
    var checkpoint: String { Self.checkpoint(of: model) }
    let log: TrainingLog?

    /// Where the run that writes `model` can be taken up again.
    static func checkpoint(of model: String) -> String { model + ".checkpoint" }
  }

  let recipe: Recipe
  let setup: TrainingSetup
  let trainer: Trainer
  let files: Files
  var state: RunState
  private let schedule: LearningRateSchedule
  private var negatives: NegativeOrder?
  /// Room for a batch of training samples and as many negative ones.
  private let room: UnsafeMutableBufferPointer<Float>
  private var lastCheckpoint = ContinuousClock.now

  var plan: TrainingPlan { setup.plan }
  var data: TrainingData { setup.data }

  /// - Parameters:
  ///   - trainer: new, or opened from the checkpoint that `state` comes from.
  init(_ recipe: Recipe, _ setup: TrainingSetup, trainer: Trainer, state: RunState, files: Files) {
    self.recipe = recipe
    self.setup = setup
    self.trainer = trainer
    self.state = state
    self.files = files
    schedule = recipe.train.schedule.schedule(
      rate: recipe.train.learningRate, epochs: setup.plan.epochs, batches: setup.plan.batches)
    negatives = setup.data.negative.map { NegativeOrder(count: $0.count, seed: recipe.train.seed) }
    room = .allocate(capacity: setup.options.batch * setup.plan.dims)
  }

  deinit { room.deallocate() }

  /// Steps done.
  var step: Int { state.epoch * plan.batches + state.position }

  /// Trains to the end, or until a signal comes.
  ///
  /// - Throws: `WeirError` when training can't recover or a file can't be written.
  func run() throws(WeirError) -> Ending {
    var progress = TrainingProgress(plan, firstStep: step)
    while true {
      // An epoch that was stopped before its validation has that first.
      guard case .done(let verdict) = try validate() else { return try stopped() }
      progress.endEpoch(state.epoch, step: step, verdict)
      if state.epoch >= plan.epochs || patienceIsOver { break }
      if try !trainEpoch(&progress) { return try stopped() }
    }
    tellWhatWasSkipped()
    guard state.skipped.count < step else {
      throw WeirError(
        .numeric, where: "train",
        "every one of \(step) steps was dropped, so there is no trained model; scale the data or lower the learning rate")
    }
    if state.best == nil {
      // What follows can take minutes and can be stopped too.
      try saveCheckpoint()
      guard try writeLastModel() else { return .stopped }
    }
    return .finished
  }

  private func stopped() throws(WeirError) -> Ending {
    Console.clear()
    try saveCheckpoint()
    return .stopped
  }

  /// The rest of an epoch. False when a signal stopped it.
  private func trainEpoch(_ progress: inout TrainingProgress) throws(WeirError) -> Bool {
    let order = EpochOrder(count: data.train.count, seed: recipe.train.seed, epoch: state.epoch)
    while state.position < plan.batches {
      try takeStep(order, &progress)
      if StopSignal.isRequested { return false }
      if checkpointIsDue { try saveCheckpoint() }
    }
    state.epoch += 1
    state.position = 0
    return true
  }

  private func takeStep(_ order: EpochOrder, _ progress: inout TrainingProgress) throws(WeirError) {
    let rows = order.rows[state.position * plan.batch..<(state.position + 1) * plan.batch].map { Int($0) }
    var batch = TrainingBatch(fill(rows, of: data.train))
    if setup.spec.prior.hasClasses { batch.labels = data.train.labels.map { labels in rows.map { labels[$0] } } }
    if let negative = data.negative, let rows = negatives?.rows(step: step, batch: plan.batch) {
      batch.negative = fill(rows, of: negative, from: plan.batch)
      batch.negativeFloor = recipe.train.negativeFloor
    }
    let rate = schedule.rate(at: step)
    let report = try trainer.step(batch, learningRate: rate)
    state.position += 1
    if rate > 0 { state.rateFactor = report.learningRate / rate }
    if let note = state.skipped.add(report, step: step) { progress.note(note) }
    progress.add(report, step: step)
    if let log = files.log, step.isMultiple(of: recipe.train.logEvery) || report.skippedAt != nil {
      log.write(line(report, progress))
    }
  }

  /// Puts samples side by side into the run's room, which begins with sample `place`.
  func fill(_ rows: [Int], of input: ModelInput, from place: Int = 0) -> UnsafeBufferPointer<Float> {
    let start = room.baseAddress! + place * plan.dims
    for (index, row) in rows.enumerated() { input.copy(row, into: start + index * plan.dims) }
    return UnsafeBufferPointer(start: start, count: rows.count * plan.dims)
  }

  private func line(_ report: StepReport, _ progress: TrainingProgress) -> JSONText {
    var members: [(String, JSONText)] = [
      ("step", .integer(step)), ("epoch", .integer((step - 1) / plan.batches + 1)), ("loss", .number(report.loss)),
    ]
    if plan.isImage { members.append(("bits_per_dim", .number(plan.bitsPerDimension(report.loss)))) }
    if data.negative != nil {
      members += [
        ("negative_mean", report.negativeCount > 0 ? .number(report.negativeMean) : .null),
        ("negative_count", .integer(report.negativeCount)),
      ]
    }
    members += [
      ("gradient_norm", .number(report.gradientNorm)), ("learning_rate", .number(report.learningRate)),
      ("\(plan.noun)_per_second", .number((progress.rate(step: step) * 10).rounded() / 10)),
      ("skipped_at", report.skippedAt.map { .string($0) } ?? .null),
    ]
    return .object(members)
  }

  private func tellWhatWasSkipped() {
    let rate = schedule.rate(at: max(step - 1, 0)) * state.rateFactor
    if let summary = state.skipped.summary(steps: step, rate: rate, factor: state.rateFactor) { Console.error(summary) }
  }

  private var checkpointIsDue: Bool {
    switch recipe.train.checkpointEvery {
    case .never: false
    case .steps(let count): step.isMultiple(of: count)
    case .minutes(let minutes): ContinuousClock.now - lastCheckpoint >= .seconds(60 * minutes)
    }
  }

  func saveCheckpoint() throws(WeirError) {
    try trainer.saveCheckpoint(files.checkpoint, hostState: state.text)
    lastCheckpoint = .now
  }
}
