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
      first. A recipe with data.validation keeps the best model in MODEL as it goes; one with data.test ends with the scores of samples \
      that were not trained on. Paths in the recipe start at the current directory. Examples/Recipes explains the format.
      """
  )

  @Argument(help: "A recipe file.")
  var recipe: String

  @Option(help: ArgumentHelp("The model file to write.", valueName: "model"))
  var output: String

  @Flag(help: "Continue from MODEL.checkpoint; without one, start from the beginning.")
  var resume = false

  @Flag(help: "Read everything and build the flow, say what would be trained, and stop.")
  var dryRun = false

  @OptionGroup
  var changes: RecipeChanges

  @Option(help: ArgumentHelp("Write one JSON object every train.log_every steps.", valueName: "file.jsonl"))
  var log: String?

  mutating func run() throws {
    var recipe = try Recipe.read(self.recipe)
    changes.apply(to: &recipe)
    try checkOutput()
    let threads = recipe.train.threads ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let setup = try TrainingSetup(recipe, threads: threads)
    if dryRun {
      announce(setup, try setup.newTrainer(recipe), threads)
      return
    }
    let (trainer, state) = try begin(recipe, setup)
    announce(setup, trainer, threads)
    StopSignal.install()
    let log = try log.map { try TrainingLog($0, adding: state.epoch + state.position > 0) }
    let run = TrainingRun(recipe, setup, trainer: trainer, state: state, files: TrainingRun.Files(model: output, log: log))
    if try run.run() == .stopped {
      let given = changes.text + (self.log.map { " --log \(shellWord($0))" } ?? "")
      let command = "weir train \(shellWord(self.recipe)) --output \(shellWord(output))\(given) --resume"
      Console.error("weir: stopped; go on with: \(command)")
      throw ExitCode(130)
    }
    unlink(checkpoint)
    print("wrote \(output)\(run.whichModel)")
    StopSignal.remove()
    if let test = setup.data.test {
      print(try FinalReport(model: output, setup.plan, threads: threads).text(test, setup.data.out))
    }
  }

  private var checkpoint: String { TrainingRun.Files.checkpoint(of: output) }

  /// Hours of training should not end at a folder that isn't there, nor a recipe or data make room for a model.
  private func checkOutput() throws {
    if isFolder(output) {
      throw WeirError(.io, where: output, "is a folder; name the model file to write")
    }
    try checkFolder(of: output)
    var status = stat()
    if stat(output, &status) == 0, status.st_size > 0, (try? Flow.open(output)) == nil {
      throw WeirError(.argument, where: output, "is there and is no model; name another file to write, or remove it")
    }
  }

  /// A new trainer, or the one that the checkpoint holds.
  private func begin(_ recipe: Recipe, _ setup: TrainingSetup) throws -> (Trainer, RunState) {
    let conditions = setup.conditions(recipe)
    guard access(checkpoint, F_OK) == 0 else {
      if resume, access(output, F_OK) == 0 {
        throw WeirError(
          .argument, where: output,
          "is there and \(checkpoint) is not: a finished run, or one that was cut off before its first checkpoint; "
            + "leave out --resume to train it again from the beginning")
      }
      if resume { Console.error("no \(checkpoint): starting from the beginning") }
      return (try setup.newTrainer(recipe), RunState(conditions: conditions))
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
    if let best = state.best, access(output, F_OK) != 0 {
      throw WeirError(
        .io, where: output,
        "is gone, and with it the best model so far (epoch \(best.epoch)); bring it back, or delete \(checkpoint) to start again")
    }
    Console.error("going on after \(NumberText.grouped(state.epoch * setup.plan.batches + state.position)) steps")
    return (trainer, state)
  }

  private func announce(_ setup: TrainingSetup, _ trainer: Trainer, _ threads: Int) {
    let (plan, data) = (setup.plan, setup.data)
    func part(_ count: Int?, _ what: String) -> String { count.map { ", \(NumberText.grouped($0)) \(what)" } ?? "" }
    let others =
      part(data.validation?.count, "for validation") + part(data.test?.input.count, "for the test")
      + part(data.negative?.count, "negative")
    Console.error(
      "\(NumberText.grouped(data.train.count)) \(plan.noun) of \(plan.dims) dimensions\(others), \(NumberText.counted(plan.epochs, "epoch")) of "
        + "\(NumberText.counted(plan.batches, "batch", "batches")) of \(plan.batch), \(NumberText.counted(threads, "thread")), "
        + "\(NumberText.bytes(trainer.bytes)) of memory")
  }
}
