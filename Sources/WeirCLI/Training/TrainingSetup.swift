import Weir
import WeirData

/// What a recipe comes to once its data is read: the matched samples, the architecture and the size of the run.
struct TrainingSetup {
  let data: TrainingData
  let spec: FlowSpec
  let plan: TrainingPlan
  let options: TrainerOptions

  /// - Throws: `WeirError` when data and recipe do not go together.
  init(_ recipe: Recipe, threads: Int) throws(WeirError) {
    let reader = try TrainingDataReader(recipe)
    spec = try recipe.flow.spec(shape: reader.shape)
    let train = recipe.train
    data = try reader.data(for: spec)
    var options = TrainerOptions()
    // A step of negative training has as many samples again.
    options.batch = train.batch * (data.negative == nil ? 1 : 2)
    options.threads = threads
    options.seed = train.seed
    options.optimizer = train.optimizer
    options.weightDecay = train.weightDecay
    options.decay = train.decay
    options.averageDecay = train.average
    options.clipNorm = train.clipNorm
    options.memoryBudget = train.memoryBudget
    self.options = options
    plan = TrainingPlan(
      epochs: train.epochs, batch: train.batch, batches: data.train.count / train.batch, dims: data.train.dims,
      isImage: spec.levels > 0)
  }

  /// A trainer with new weights, scaling steps set to the training data.
  func newTrainer(_ recipe: Recipe) throws(WeirError) -> Trainer {
    let trainer: Trainer
    do {
      trainer = try Trainer.create(spec, options: options)
      try write(recipe.flow.scaling, to: trainer)
    } catch {
      throw recipe.flow.located(error)
    }
    return trainer
  }

  /// Sets the flow's scaling steps, which are its first, to what the training rows give.
  private func write(_ scaling: Scaling, to trainer: Trainer) throws(WeirError) {
    guard scaling == .unscaled || spec.shape.count == 1 else {
      throw WeirError(
        .unsupported, where: "scaling", "is for rows of a table or an embedding; the data has samples of \(spec.shape)")
    }
    switch scaling {
    case .unscaled: return
    case .standard, .robust:
      let numbers = scaling == .robust ? Standardisation(robustOf: data.train) : Standardisation(of: data.train)
      try trainer.write(numbers.mean, to: "steps.0.mean")
      try trainer.write(numbers.scale, to: "steps.0.scale")
    case .whiten:
      // Along the axes that are left over any other row would lie a thousand deviations away.
      guard data.train.count > data.train.dims else {
        throw WeirError(
          .argument, where: "scaling",
          "is whiten, which needs more training samples than dimensions, and there are \(data.train.count) of \(data.train.dims); "
            + "use standard or robust")
      }
      let numbers = try Whitening(of: data.train)
      try trainer.write(numbers.mean, to: "steps.0.mean")
      try trainer.write(numbers.rotation, to: "steps.1.weight")
      try trainer.write(numbers.scale, to: "steps.2.scale")
    }
  }

  /// What a continuation must have the same, for the same bits.
  func conditions(_ recipe: Recipe) -> [RunState.Condition] {
    let (data, train) = (recipe.data, recipe.train)
    var conditions: [RunState.Condition] = []
    func add(_ name: String, _ value: some Any) {
      conditions.append(RunState.Condition(name: name, value: "\(value)"))
    }
    add("flow", spec.json)
    // Standard and robust scaling are the same steps with other numbers.
    if recipe.flow.scaling != .unscaled { add("flow.scaling", recipe.flow.scaling.rawValue) }
    add("data.train", data.train)
    if !data.classes.isEmpty { add("data.class", data.classes) }
    if data.labels != .beside { add("data.labels", data.labels) }
    if let resize = data.resize { add("data.resize", resize) }
    if let validation = data.validation { add("data.validation", validation) }
    if case .fraction(let part)? = data.test { add("data.test", part) }
    if let negative = data.negative { add("data.negative", negative) }
    add("samples", self.data.train.count)
    add("train.batch", train.batch)
    add("train.seed", train.seed)
    add("train.learning_rate", train.learningRate)
    add("train.schedule", train.schedule.text)
    if train.schedule.needsLength { add("train.epochs", train.epochs) }
    add("train.optimizer", train.optimizer)
    add("train.weight_decay", train.weightDecay)
    add("train.decay", train.decay)
    add("train.average", train.average)
    add("train.clip_norm", train.clipNorm)
    if data.negative != nil { add("train.negative_floor", train.negativeFloor) }
    add("train.memory_budget", train.memoryBudget)
    // Scores of models whose statistics were taken otherwise say nothing of which is better.
    if data.validation != nil { add("train.batch_norm_reestimate", train.batchNormReestimate) }
    return conditions
  }

  /// What a model file says of its making.
  func provenance(_ recipe: Recipe, _ trainer: Trainer, _ state: RunState) -> JSONText {
    let conditions = state.conditions.filter { $0.name != "flow" }.map { ($0.name, JSONText.string($0.value)) }
    var members: [(String, JSONText)] = [
      ("writer", .string("weir \(Flow.engineVersion)")), ("epochs", .integer(state.epoch)), ("steps", .integer(Int(trainer.steps))),
    ]
    if let best = state.best { members.append(("validation_loss", .number(-best.score.mean))) }
    return .object(members + [("recipe", .object(conditions))])
  }
}
