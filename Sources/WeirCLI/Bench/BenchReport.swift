import Weir
import WeirReport

/// What `weir bench` measured, as tables or as JSON.
struct BenchReport {
  let model: String
  let flow: Flow
  let inputs: BenchInputs
  let seconds: Double
  let peaks: BenchPeaks
  let cases: [BenchCase]
  /// Of each case, or none.
  let profiles: [PassProfile]
  let showsScores: Bool

  private func report(_ index: Int) -> ProfileReport? {
    guard profiles.indices.contains(index) else { return nil }
    return ProfileReport(
      profile: profiles[index], multiplyAdd: peaks.arithmetic(cases[index]), read: peaks.read(cases[index].threads))
  }

  // ------------------------------------------------------------------------------------------------------------------ Text

  var text: String {
    let info = flow.info
    let shape = info.shape.map(String.init).joined(separator: "x")
    let parts =
      [
        """
        \(model): \(info.levels > 0 ? "images \(shape)" : "rows of \(info.dims) numbers"), \(NumberText.flops(info.flops)) a sample, \
        kernels \(info.instructionSet)
        """, machine, table, Self.legend,
      ]
      + cases.indices.compactMap { index in report(index).map { "\(cases[index].name): \($0.text)" } }
      + (profiles.isEmpty ? [] : [ProfileReport.legend])
    return parts.joined(separator: "\n\n")
  }

  private var machine: String {
    peaks.threads.map { count in
      let bf16 = peaks.bf16(count).map { ", bf16 \(ProfileReport.rate($0)) GFLOP/s" } ?? ""
      return """
        peak of \(NumberText.counted(count, "thread")): multiply-adds \(ProfileReport.rate(peaks.multiplyAdd(count))) GFLOP/s\(bf16), \
        reading \(NumberText.bytes(peaks.readBytes(count))) \(ProfileReport.rate(peaks.read(count))) GB/s
        """
    }.joined(separator: "\n")
  }

  private var table: String {
    var table = TextTable(header: [
      "batch", "threads", "precision", "call", "lowest", "highest", "samples/s", "GFLOP/s", "of peak", "memory",
    ])
    for each in cases {
      table.add([
        "\(each.batch)", "\(each.threads)", each.precision.rawValue, NumberText.interval(each.median),
        NumberText.interval(each.lowest), NumberText.interval(each.highest),
        NumberText.fixed(each.samplesPerSecond, each.samplesPerSecond < 100 ? 1 : 0), ProfileReport.rate(each.flopsPerSecond),
        NumberText.percent(each.flopsPerSecond / peaks.arithmetic(each)), NumberText.bytes(each.session.bytes),
      ])
    }
    return table.text
  }

  private static let legend = """
    Calls: medians over rounds, each of which is the median of its calls; lowest and highest of the rounds. Arithmetic counts the
    multiplications and additions of the layers' formulas, whatever a kernel saves. Memory is the session's.
    """

  // ------------------------------------------------------------------------------------------------------------------ JSON

  var json: JSONText {
    .object([
      ("model", .string(model)), ("dims", .integer(flow.info.dims)), ("flops_per_sample", .number(flow.info.flops)),
      ("kernels", .string(flow.info.instructionSet)), ("inputs", inputs.path.map { .string($0) } ?? .null),
      ("seconds_per_round", .number(seconds)), ("peaks", peaks.json), ("cases", .array(cases.indices.map(json))),
    ])
  }

  private func json(_ index: Int) -> JSONText {
    let each = cases[index]
    var members: [(String, JSONText)] = [
      ("batch", .integer(each.batch)), ("threads", .integer(each.threads)), ("precision", .string(each.precision.rawValue)),
      ("median_seconds", .number(each.median)), ("lowest_seconds", .number(each.lowest)),
      ("highest_seconds", .number(each.highest)), ("round_seconds", .array(each.rounds.map { .number($0) })),
      ("calls", .integer(each.calls)), ("samples_per_s", .number(each.samplesPerSecond)),
      ("flops_per_s", .number(each.flopsPerSecond)),
      ("part_of_peak", .number(each.flopsPerSecond / peaks.arithmetic(each))), ("session_bytes", .integer(each.session.bytes)),
    ]
    if showsScores { members.append(("log_likelihoods", .array(each.scores.map { .number($0) }))) }
    if let report = report(index) { members.append(("pass", report.json)) }
    return .object(members)
  }
}
