import ArgumentParser
import Weir
import WeirData

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Prints the log-likelihood of every sample, in nats.",
    discussion: "A sample that can't be scored (NaN, Inf) gets -inf: it never counts as normal."
  )

  @Argument(help: "A model file.")
  var model: String

  @Argument(help: "A .npy, .npz:member, IDX (.gz) or .csv file, or a folder of pictures; @CLASS at its end picks samples.")
  var input: String

  @Option(help: "FILE.npy (float64 [n], nats) or FILE.csv; without it, one number a line.")
  var output: String?

  @Option(help: "The score.")
  var score = ScoreName.likelihood

  @OptionGroup
  var options: ScoringOptions

  mutating func validate() throws {
    if let output, !output.hasSuffix(".npy"), !output.hasSuffix(".csv") {
      throw ValidationError("--output \(output): the name must end in .npy or .csv")
    }
  }

  mutating func run() throws {
    let flow = try Flow.open(model)
    let scored = try options.score(LabelledInput(input), options.session(flow))
    guard let output else {
      for score in scored.scores { print(score) }
      return
    }
    if output.hasSuffix(".npy") {
      try OutputFile.writeNPY(scored.scores, shape: [scored.scores.count], to: output)
    } else {
      try OutputFile.writeCSV(scores: scored.scores, info: flow.info, to: output)
    }
  }
}
