import ArgumentParser
import Weir
import WeirData
import WeirReport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a flow from a recipe and writes one model file.",
    discussion: """
      While it runs, MODEL.checkpoint holds everything needed to go on with --resume, to the same bits. Interrupt (Ctrl-C) saves it \
      first. Paths in the recipe start at the current directory.
      """
  )

  @Argument(help: "A recipe file.")
  var recipe: String

  @Option(help: ArgumentHelp("The model file to write.", valueName: "model"))
  var output: String

  @Flag(help: "Continue from MODEL.checkpoint; without one, start from the beginning.")
  var resume = false

  @Option(help: "In place of the recipe's train.seed.")
  var seed: UInt64?

  @Option(help: "In place of the recipe's train.threads; by default every processor.")
  var threads: Int?

  @Option(help: "In place of the recipe's train.epochs.")
  var epochs: Int?

  @Option(help: ArgumentHelp("Write one JSON object every train.log_every steps.", valueName: "file.jsonl"))
  var log: String?

  mutating func validate() throws {
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads); it must be 1 to 1024") }
    if let epochs, !(1...1_000_000).contains(epochs) {
      throw ValidationError("--epochs is \(epochs); it must be 1 to 1000000")
    }
    if let seed, seed > UInt64(Int.max) { throw ValidationError("--seed is \(seed); it must be at most \(Int.max)") }
  }

  mutating func run() throws {
    var plan = try Recipe.read(recipe)
    try checkOutput()
    plan.train.epochs = epochs ?? plan.train.epochs
    plan.train.seed = seed ?? plan.train.seed
    let threads = threads ?? plan.train.threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let setup = try TrainingSetup(plan, threads: threads)
    let test = try plan.data.test.map { try testInput($0, plan, setup) }
    let checkpoint = output + ".checkpoint"
    let (trainer, state) = try begin(plan, setup, checkpoint)
    announce(setup, trainer, threads)
    StopSignal.install()
    let log = try log.map { try TrainingLog($0, adding: state.epoch + state.position > 0) }
    let run = TrainingRun(
      plan, setup.input, setup.plan, trainer: trainer, state: state, checkpoint: checkpoint, log: log)
    if try run.run() == .stopped {
      Console.error("weir: stopped; go on with: weir train \(recipe) --output \(output)\(givenOptions) --resume")
      throw ExitCode(130)
    }
    try trainer.saveModel(output, provenance: provenance(plan, setup, trainer).text)
    unlink(checkpoint)
    print("wrote \(output)")
    if let test { try report(test, setup, threads) }
  }

  /// The options of this call that a resumed one needs as well.
  private var givenOptions: String {
    var text = ""
    if let seed { text += " --seed \(seed)" }
    if let threads { text += " --threads \(threads)" }
    if let epochs { text += " --epochs \(epochs)" }
    if let log { text += " --log \(log)" }
    return text
  }

  /// Hours of training should not end at a folder that isn't there.
  private func checkOutput() throws {
    var status = stat()
    if stat(output, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw WeirError(.io, where: output, "is a folder; name the model file to write")
    }
    let folder = output.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    let place = output.contains("/") ? (folder.isEmpty ? "/" : folder) : "."
    guard access(place, W_OK) == 0 else {
      throw WeirError(.io, where: output, "can't be written: \(place) is not a folder that you may write to")
    }
  }

  private func testInput(_ path: String, _ recipe: Recipe, _ setup: TrainingSetup) throws -> ModelInput {
    let input = try ModelInput(InputFile.read(path), shape: setup.spec.shape, levels: setup.spec.levels)
    return try recipe.data.testLimit.map { try input.prefix($0) } ?? input
  }

  /// A new trainer, or the one that the checkpoint holds.
  private func begin(_ recipe: Recipe, _ setup: TrainingSetup, _ checkpoint: String) throws -> (Trainer, RunState) {
    let conditions = setup.conditions(recipe)
    guard access(checkpoint, F_OK) == 0 else {
      if resume, access(output, F_OK) == 0 {
        throw WeirError(.argument, where: output, "is a finished run; leave out --resume to train it again from the beginning")
      }
      if resume { Console.error("no \(checkpoint): starting from the beginning") }
      return (try setup.newTrainer(recipe), RunState(epoch: 0, position: 0, conditions: conditions))
    }
    guard resume else {
      throw WeirError(
        .argument, where: checkpoint, "holds a stopped run; add --resume to go on with it, or delete it to start again")
    }
    let trainer = try Trainer.open(checkpoint, options: setup.options)
    guard
      let state = RunState(trainer.hostState), state.epoch <= 1_000_000, state.position <= setup.plan.batches,
      state.epoch * setup.plan.batches + state.position == Int(clamping: trainer.steps)
    else {
      throw WeirError(.format, where: checkpoint, "is no checkpoint of weir train; delete it to start again")
    }
    if let difference = state.difference(from: conditions) {
      throw WeirError(
        .argument, where: checkpoint, "is of another recipe: \(difference); use that recipe, another --output, or delete it")
    }
    Console.error("going on after \(NumberText.grouped(state.epoch * setup.plan.batches + state.position)) steps")
    return (trainer, state)
  }

  private func announce(_ setup: TrainingSetup, _ trainer: Trainer, _ threads: Int) {
    let plan = setup.plan
    Console.error(
      "\(NumberText.grouped(setup.input.count)) \(plan.noun) of \(plan.dims) dimensions, \(plan.epochs) epochs of "
        + "\(NumberText.grouped(plan.batches)) batches of \(plan.batch), \(threads) threads, "
        + "\(NumberText.bytes(trainer.bytes)) of memory")
  }

  private func provenance(_ recipe: Recipe, _ setup: TrainingSetup, _ trainer: Trainer) -> JSONText {
    let conditions = setup.conditions(recipe).filter { $0.name != "flow" }.map { ($0.name, JSONText.string($0.value)) }
    return .object([
      ("writer", .string("weir \(Flow.engineVersion)")), ("epochs", .integer(recipe.train.epochs)),
      ("steps", .integer(Int(trainer.steps))), ("recipe", .object(conditions)),
    ])
  }

  private func report(_ test: ModelInput, _ setup: TrainingSetup, _ threads: Int) throws {
    let session = try Flow.open(output).session(threads: threads)
    let scores = try session.score(test) { done in
      Console.show("test: \(NumberText.grouped(done)) of \(NumberText.grouped(test.count)) scored")
    }
    Console.clear()
    let finite = scores.filter(\.isFinite)
    let mean = -finite.reduce(0, +) / Double(finite.count)
    let rest = finite.count == scores.count ? "" : ", \(scores.count - finite.count) without a finite score"
    print("test: mean \(setup.plan.figure(mean)) over \(NumberText.grouped(finite.count)) \(setup.plan.noun)\(rest)")
  }
}
