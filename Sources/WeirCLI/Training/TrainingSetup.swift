import Weir
import WeirData

/// What a recipe comes to once its data is read: the matched samples, the architecture and the size of the run.
struct TrainingSetup {
  let input: ModelInput
  let spec: FlowSpec
  let plan: TrainingPlan
  let options: TrainerOptions

  /// - Throws: `WeirError` when data and recipe do not go together.
  init(_ recipe: Recipe, threads: Int) throws(WeirError) {
    let array = try InputFile.read(recipe.data.train)
    let shape: [Int]
    if let given = recipe.data.shape { shape = given } else { shape = try array.modelShape() }
    let spec: FlowSpec
    do { spec = try recipe.flow.spec(shape: shape) } catch { throw Self.error(error, in: recipe) }
    var input = try ModelInput(array, shape: spec.shape, levels: spec.levels)
    if let limit = recipe.data.limit { input = try input.prefix(limit) }
    guard input.notFinite == 0 else {
      throw WeirError(
        .numeric, where: recipe.data.train, "\(input.notFinite) of \(input.count) training samples hold NaN or Inf; remove them")
    }
    guard input.count >= recipe.train.batch else {
      throw WeirError(
        .argument, where: recipe.data.train,
        "has \(input.count) samples, fewer than one batch of \(recipe.train.batch); lower train.batch")
    }
    var options = TrainerOptions()
    options.batch = recipe.train.batch
    options.threads = threads
    options.seed = recipe.train.seed
    options.weightDecay = recipe.train.weightDecay
    options.clipNorm = recipe.train.clipNorm
    options.memoryBudget = recipe.train.memoryBudget
    self.input = input
    self.spec = spec
    self.options = options
    plan = TrainingPlan(
      epochs: recipe.train.epochs, batch: recipe.train.batch, batches: input.count / recipe.train.batch, dims: input.dims,
      isImage: spec.levels > 0)
  }

  /// A trainer with new weights, standardising steps set to the training data.
  func newTrainer(_ recipe: Recipe) throws(WeirError) -> Trainer {
    let trainer: Trainer
    do { trainer = try Trainer.create(spec, options: options) } catch { throw Self.error(error, in: recipe) }
    if spec.steps.first == .affine {
      let standardisation = Standardisation(of: input)
      try trainer.write(standardisation.mean, to: "steps.0.mean")
      try trainer.write(standardisation.scale, to: "steps.0.scale")
    }
    return trainer
  }

  /// An error about the architecture, as one about the recipe's flow.
  private static func error(_ error: WeirError, in recipe: Recipe) -> WeirError {
    let place = error.where.isEmpty ? "flow" : "flow: \(error.where)"
    return WeirError(error.code, where: "\(recipe.file): \(place)", error.message)
  }

  /// What a continuation must have the same, for the same bits.
  func conditions(_ recipe: Recipe) -> [RunState.Condition] {
    var conditions: [RunState.Condition] = []
    func add(_ name: String, _ value: some CustomStringConvertible) {
      conditions.append(RunState.Condition(name: name, value: "\(value)"))
    }
    add("flow", spec.json)
    add("data.train", recipe.data.train)
    add("samples", input.count)
    add("train.batch", recipe.train.batch)
    add("train.seed", recipe.train.seed)
    add("train.learning_rate", recipe.train.learningRate)
    add("train.schedule", recipe.train.schedule.text)
    if recipe.train.schedule.needsLength { add("train.epochs", recipe.train.epochs) }
    add("train.weight_decay", recipe.train.weightDecay)
    add("train.clip_norm", recipe.train.clipNorm)
    add("train.memory_budget", recipe.train.memoryBudget)
    return conditions
  }
}
