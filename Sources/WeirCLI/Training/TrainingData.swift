import Weir
import WeirData

/// The samples of a run, matched to the model: what is trained on, what is held out, and what is scored at the end.
struct TrainingData {
  /// Samples with a name for the table.
  struct Named {
    let name: String
    let input: ModelInput
  }

  /// With labels where they were read: to choose samples by, or for a prior with classes.
  let train: ModelInput
  let validation: ModelInput?
  let test: Named?
  let out: [Named]
  let negative: ModelInput?
}

/// Reads what a recipe's `data` names. The training samples' shape comes first, because the architecture depends on it.
struct TrainingDataReader {
  private let recipe: Recipe
  /// Every sample of the training input, of all classes.
  private let source: LabelledSamples
  /// [c, h, w] or [dims].
  let shape: [Int]

  /// Reads the training samples.
  ///
  /// - Throws: `WeirError` naming the file, or the recipe's line.
  init(_ recipe: Recipe) throws(WeirError) {
    self.recipe = recipe
    source = try InputFile.samples(LabelledInput(recipe.data.train), Self.options(recipe, .training))
    if let given = recipe.data.shape { shape = given } else { shape = try source.array.modelShape() }
  }

  /// Everything that the recipe names, for this architecture.
  ///
  /// - Throws: `WeirError` naming the file, or the recipe's line.
  func data(for spec: FlowSpec) throws(WeirError) -> TrainingData {
    var all = try match(own(source), spec)
    if let limit = recipe.data.limit { all = try all.prefix(limit) }
    // Of all of them, the parts to hold out too: else the seed would decide whether a file is refused.
    try checkFinite(all, recipe.data.train)
    let parts = try HeldOutRows(count: all.count, recipe)
    let train = all.selecting(rows: parts.train)
    if case .gaussianMixture(let components, _) = spec.prior { try checkLabels(train, components) }
    let validation = try held(recipe.data.validation, "validation", parts.validation, of: all, spec)
    if let validation { try checkFinite(validation.input, validation.name) }
    let negative = try recipe.data.negative.map { (text) throws(WeirError) in try named(text, "negative", spec) }
    if let negative { try checkFinite(negative.input, negative.name) }
    var test = try held(recipe.data.test, "test", parts.test, of: all, spec)
    if let limit = recipe.data.testLimit, let whole = test {
      test = TrainingData.Named(name: whole.name, input: try whole.input.prefix(limit))
    }
    return TrainingData(
      train: train, validation: validation?.input, test: test, out: try out(spec), negative: negative?.input)
  }

  /// What an input is to the run.
  private enum Role {
    case training
    /// Of the same kind, with labels beside it.
    case heldOut
    /// Another kind of data, whose labels are of no interest.
    case other
  }

  private static func options(_ recipe: Recipe, _ role: Role) -> ReadingOptions {
    var options = ReadingOptions()
    options.resize = recipe.data.resize
    switch recipe.data.labels {
    case .input(let path) where role == .training: options.labels = .input(path)
    case .beside where role != .other, .input where role != .other:
      options.labels = !recipe.data.classes.isEmpty ? .beside : recipe.flow.prior.hasClasses ? .ifAny : .ignored
    default: options.labels = .ignored
    }
    return options
  }

  /// Another input than the training one. Only pictures of a folder are resized.
  private func read(_ input: LabelledInput, _ role: Role) throws(WeirError) -> LabelledSamples {
    var options = Self.options(recipe, role)
    if !isFolder(input.path) { options.resize = nil }
    return try InputFile.samples(input, options)
  }

  /// The samples of the recipe's classes.
  private func own(_ samples: LabelledSamples) throws(WeirError) -> LabelledSamples {
    guard !recipe.data.classes.isEmpty else { return samples }
    do { return try samples.selecting(classes: recipe.data.classes) } catch { throw about("class", "picks from", error) }
  }

  /// Validation or test samples: rows of the training input, or an input of their own.
  private func held(
    _ held: DataRecipe.Held?, _ key: String, _ rows: [UInt32], of all: ModelInput, _ spec: FlowSpec
  ) throws(WeirError) -> TrainingData.Named? {
    switch held {
    case nil: return nil
    case .fraction?: return TrainingData.Named(name: key, input: all.selecting(rows: rows))
    case .input(let text)?:
      let input = LabelledInput(text)
      let samples = try own(read(input, .heldOut))
      do { return TrainingData.Named(name: input.name, input: try match(samples, spec)) } catch { throw about(key, "names", error) }
    }
  }

  private func out(_ spec: FlowSpec) throws(WeirError) -> [TrainingData.Named] {
    var out: [TrainingData.Named] = []
    for item in recipe.data.out {
      switch item {
      case .input(let text): out.append(try named(text, "out", spec))
      case .others: out.append(try others(spec))
      }
    }
    return out
  }

  /// The samples of the classes that the recipe leaves out: of the test input, or of the training input when the test is a part of that.
  private func others(_ spec: FlowSpec) throws(WeirError) -> TrainingData.Named {
    guard !recipe.data.classes.isEmpty else {
      throw recipe.data.error("out", "says others, the samples of other classes; say which are its own by data.class or --class")
    }
    var samples = source
    if case .input(let text)? = recipe.data.test { samples = try read(LabelledInput(text), .heldOut) }
    do {
      return TrainingData.Named(name: "others", input: try match(samples.excluding(classes: recipe.data.classes), spec))
    } catch {
      throw about("out", "says others, of", error)
    }
  }

  /// All samples of an input.
  private func named(_ text: String, _ key: String, _ spec: FlowSpec) throws(WeirError) -> TrainingData.Named {
    let input = LabelledInput(text)
    let samples = try read(input, .other)
    do { return TrainingData.Named(name: input.name, input: try match(samples, spec)) } catch { throw about(key, "names", error) }
  }

  private func match(_ samples: LabelledSamples, _ spec: FlowSpec) throws(WeirError) -> ModelInput {
    try ModelInput(samples, shape: spec.shape, levels: spec.levels)
  }

  /// An error about an input, as one about the key that asks for it.
  private func about(_ key: String, _ verb: String, _ error: WeirError) -> WeirError {
    let own = recipe.data.error(key, "\(verb) \(error.where), which \(error.message)")
    return WeirError(error.code, where: own.where, own.message)
  }

  private func checkFinite(_ input: ModelInput, _ name: String) throws(WeirError) {
    guard input.notFinite > 0 else { return }
    let first = input.firstNotFinite.map { ", the first is sample \($0), from 0" } ?? ""
    throw WeirError(.numeric, where: name, "\(input.notFinite) of \(input.count) samples hold NaN or Inf\(first); remove them")
  }

  private func checkLabels(_ train: ModelInput, _ components: Int) throws(WeirError) {
    guard let wrong = train.labels?.first(where: { $0 < -1 || $0 >= components }) else { return }
    throw WeirError(
      .argument, where: recipe.data.train,
      "has the label \(wrong); the prior of \(components) components takes 0 to \(components - 1), and -1 for unknown. "
        + "Raise flow.prior.components, or say `labels: none` in data to do without")
  }
}

extension Prior {
  /// Whether training samples may name their class.
  var hasClasses: Bool { if case .gaussianMixture = self { true } else { false } }
}
