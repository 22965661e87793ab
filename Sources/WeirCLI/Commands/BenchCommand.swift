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

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures how fast a model scores here, beside what this machine can do.",
    discussion: """
      Every combination of batch, threads and precision takes its turn in every round, so that other work on the machine troubles all of \
      them alike. Samples are random (integers 0..255 for images, standard normal numbers for tables) unless --inputs names some. Peaks \
      are measured in the same run.
      """
  )

  @Argument(help: "A model file.")
  var model: String

  @Option(
    help: ArgumentHelp("Samples of one call. (default: 1,32)", valueName: "n,..."), transform: { try CountList($0, most: 65536) })
  var batch = try! CountList("1,32", most: 65536)

  @Option(
    help: ArgumentHelp("Threads of one call. (default: 1, and as many as there are cores)", valueName: "n,..."),
    transform: { try CountList($0, most: 1024) })
  var threads: CountList?

  @Option(help: ArgumentHelp("Precision of the networks. (default: f32)", valueName: "p,..."), transform: PrecisionList.init)
  var precision = try! PrecisionList("f32")

  @Option(help: "Rounds.")
  var rounds = 5

  @Option(help: "Seconds of each combination in a round; one call at least.")
  var seconds = 0.5

  @Option(help: "Score the first samples of this input instead of random ones.")
  var inputs: String?

  @Flag(help: "Show where the time goes, step by step and kernel by kernel.")
  var profile = false

  @Option(
    help: ArgumentHelp("Write a pass of every combination as a trace for ui.perfetto.dev.", valueName: "file.json"))
  var trace: String?

  @Flag(help: "Print one JSON document and nothing else. Times are in seconds.")
  var json = false

  @Flag(help: "Add the samples' log-likelihoods to the JSON document.")
  var scores = false

  mutating func validate() throws {
    guard (1...1000).contains(rounds) else { throw ValidationError("--rounds is \(rounds); it must be 1 to 1000") }
    guard seconds >= 0, seconds <= 3600 else { throw ValidationError("--seconds is \(seconds); it must be 0 to 3600") }
    if let trace, !trace.hasSuffix(".json") { throw ValidationError("--trace \(trace): the name must end in .json") }
    if scores, !json { throw ValidationError("--scores adds to the JSON document; add --json") }
  }

  mutating func run() throws {
    if let trace { try checkFolder(of: trace) }
    let flow = try Flow.open(model)
    let most = batch.counts.max() ?? 1
    let samples =
      try inputs.map { text throws(WeirError) in try BenchInputs(text, count: most, for: flow.info) }
      ?? BenchInputs(random: most, for: flow.info)
    let cases = try makeCases(flow, samples)
    var peaks = try BenchPeaks(threads: cases.map(\.threads))
    try measure(cases, &peaks)
    let profiles = profile || trace != nil ? try cases.map(profiled) : []
    Console.clear()
    if let trace {
      var file = ProfileTrace()
      for (each, profile) in zip(cases, profiles) { file.add(profile, of: flow, name: each.name) }
      try OutputFile.write(text: file.text, to: trace)
    }
    let bad = cases.last { $0.batch == most }?.scores.count { !$0.isFinite } ?? 0
    if bad > 0 {
      Console.error("weir: \(inputs ?? "the random samples"): \(bad) of \(most) score -inf; times may differ from others'")
    }
    let report = BenchReport(
      model: model, flow: flow, inputs: samples, seconds: seconds, peaks: peaks, cases: cases,
      profiles: profile ? profiles : [], showsScores: scores)
    print(json ? report.json.text : report.text)
  }

  private func makeCases(_ flow: Flow, _ samples: BenchInputs) throws(WeirError) -> [BenchCase] {
    let cores = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    let threads = threads?.counts ?? (cores > 1 ? [1, min(cores, 1024)] : [1])
    var cases: [BenchCase] = []
    for precision in precision.precisions {
      for batch in batch.counts {
        for count in threads {
          cases.append(try BenchCase(flow, batch: batch, threads: count, precision: precision, inputs: samples))
        }
      }
    }
    return cases
  }

  /// Rounds go forwards and backwards in turn.
  private func measure(_ cases: [BenchCase], _ peaks: inout BenchPeaks) throws(WeirError) {
    for round in 0..<rounds {
      try peaks.measureAgain()
      for each in round.isMultiple(of: 2) ? cases : cases.reversed() {
        Console.show("round \(round + 1) of \(rounds): \(each.name)")
        try each.measure(seconds: seconds)
      }
    }
  }

  private func profiled(_ each: BenchCase) throws(WeirError) -> PassProfile {
    Console.show("profile: \(each.name)")
    return try each.profile(seconds: Double(rounds) * seconds)
  }
}
