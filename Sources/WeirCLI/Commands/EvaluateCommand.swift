import ArgumentParser
import Weir
import WeirData
import WeirDetection
import WeirReport

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Says how well the model tells one set from others.",
    discussion: DetectionMetrics.convention
  )

  @Argument(help: "A model file.")
  var model: String

  @Option(name: .customLong("in"), help: ArgumentHelp("The set that belongs.", valueName: "input"))
  var inDistribution: String

  @Option(
    name: .customLong("out"), help: ArgumentHelp("A set that does not belong; may be given more than once.", valueName: "input"))
  var outOfDistribution: [String]

  @Option(help: "The score.")
  var score: [ScoreName] = [.likelihood]

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  @OptionGroup
  var options: ScoringOptions

  mutating func validate() throws {
    if outOfDistribution.isEmpty { throw ValidationError("Missing expected argument '--out <input>'") }
  }

  mutating func run() throws {
    let flow = try Flow.open(model)
    let session = try options.session(flow)
    let reference = try options.score(LabelledInput(inDistribution), session)
    var others: [(set: ScoredInput, metrics: DetectionMetrics)] = []
    for input in outOfDistribution {
      let set = try options.score(LabelledInput(input), session, chooses: false)
      others.append((set, try DetectionMetrics(inDistribution: reference.scores, outOfDistribution: set.scores)))
    }
    let evaluation = Evaluation(model: model, info: flow.info, reference: reference, others: others)
    print(json ? evaluation.json.text : evaluation.text)
  }
}
