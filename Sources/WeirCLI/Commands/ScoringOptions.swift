import ArgumentParser
import Weir
import WeirData
import WeirReport

/// Options of every command that scores.
struct ScoringOptions: ParsableArguments {
  @Option(help: "Dequantization noise of 8-bit images: midpoint, seed:N or average:K.")
  var noise = NoiseOption(noise: .midpoint)

  @Option(help: "Samples computed at once. Scores do not depend on it.")
  var batch = 32

  @Option(help: "Threads. Scores do not depend on it.")
  var threads = 1

  @Option(help: "Precision of the networks.")
  var precision = Precision.f32

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("Only samples with this label, or with one of N,N; of evaluate's inputs, --in alone.", valueName: "n"))
  var classes: ClassList?

  @Option(
    help: ArgumentHelp(
      "Where labels come from if they do not lie beside the samples: one whole number a sample.", valueName: "input"))
  var labels: String?

  @Option(help: ArgumentHelp("Bring the pictures of folders to this size.", valueName: "h,w"))
  var resize: PictureSize?

  mutating func validate() throws {
    guard (1...65536).contains(batch) else { throw ValidationError("--batch is \(batch); it must be 1 to 65536") }
    guard (1...1024).contains(threads) else { throw ValidationError("--threads is \(threads); it must be 1 to 1024") }
  }

  func session(_ flow: Flow) throws(WeirError) -> Session {
    try flow.session(batch: batch, threads: threads, noise: noise.noise, precision: precision)
  }

  /// Reads an input, matches it to the session's flow and scores it from noise index 0.
  ///
  /// - Parameter chooses: whether `--class` and `--labels` apply to it.
  func score(_ input: LabelledInput, _ session: Session, chooses: Bool = true) throws(WeirError) -> ScoredInput {
    var reading = ReadingOptions()
    if chooses {
      reading.classes = classes?.classes ?? []
      if let labels { reading.labels = .input(labels) }
    }
    if isFolder(input.path) { reading.resize = resize }
    let info = session.flow.info
    let data = try ModelInput(InputFile.samples(input, reading), shape: info.shape, levels: info.levels)
    session.seek(to: 0)
    let scores = try session.score(data) { done in
      Console.show("\(input.name): \(NumberText.grouped(done)) of \(NumberText.grouped(data.count)) scored")
    }
    Console.clear()
    if data.notFinite > 0 {
      Console.error("weir: \(input.path): \(data.notFinite) of \(data.count) samples hold NaN or Inf; their score is -inf")
    }
    return ScoredInput(name: input.name, scores: scores)
  }
}

/// Scores of one input.
struct ScoredInput {
  let name: String
  let scores: [Double]
}

extension Precision: ExpressibleByArgument {}

/// Which score tells what belongs.
enum ScoreName: String, ExpressibleByArgument, CaseIterable {
  case likelihood
}

/// `midpoint`, `seed:N` or `average:K` on the command line.
struct NoiseOption: ExpressibleByArgument {
  let noise: Noise

  init(noise: Noise) { self.noise = noise }

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    switch (parts.first, parts.count) {
    case ("midpoint", 1):
      noise = .midpoint
    case ("seed", 2):
      guard let seed = UInt64(parts[1]) else { return nil }
      noise = .seed(seed)
    case ("average", 2):
      guard let draws = Int(parts[1]), (1...4096).contains(draws) else { return nil }
      noise = .average(draws: draws)
    default:
      return nil
    }
  }

  var defaultValueDescription: String { "midpoint" }
}

extension PictureSize: ExpressibleByArgument {
  /// `H,W`: height and width.
  public init?(argument: String) {
    let sides = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard sides.count == 2, let height = sides[0], let width = sides[1] else { return nil }
    self.init(height: height, width: width)
  }
}
