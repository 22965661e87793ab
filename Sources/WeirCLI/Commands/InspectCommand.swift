import ArgumentParser
import Weir
import WeirReport

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows a model's steps, shapes, parameters, arithmetic and memory."
  )

  @Argument(help: "A model file.")
  var model: String

  @Option(
    help: ArgumentHelp("Batches of sessions whose memory to tell. (default: 1,32)", valueName: "n,..."),
    transform: { try CountList($0, most: 65536) })
  var batch: CountList?

  @Option(help: "Threads of those sessions. (default: 1)")
  var threads: Int?

  @Option(help: "Precision of those sessions. (default: f32)")
  var precision: Precision?

  @Flag(help: "Show which kernel computes each layer of each step, with its shapes and arithmetic.")
  var plan = false

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  mutating func validate() throws {
    if plan && (batch != nil || threads != nil || precision != nil) {
      throw ValidationError("--plan is of one sample in f32, whatever the session; leave out --batch, --threads and --precision")
    }
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads); it must be 1 to 1024") }
  }

  mutating func run() throws {
    let flow = try Flow.open(model)
    if plan {
      let report = PlanReport(model: model, flow: flow)
      print(json ? report.json.text : report.text)
      return
    }
    let threads = threads ?? 1
    let precision = precision ?? .f32
    let memory = try Memory(
      opening: OpeningMemory.most(of: model), threads: threads, precision: precision,
      sessions: (batch?.counts ?? [1, 32]).map { ($0, try flow.sessionBytes(batch: $0, threads: threads, precision: precision)) })
    print(json ? document(flow, memory).text : text(flow, memory))
  }

  private struct Memory {
    let opening: Int
    let threads: Int
    let precision: Precision
    let sessions: [(batch: Int, bytes: Int)]
  }

  private func text(_ flow: Flow, _ memory: Memory) -> String {
    let info = flow.info
    var table = TextTable(header: ["step", "op", "mask", "net", "output", "parameters", "per sample"], leading: 4)
    for (index, step) in flow.steps.enumerated() {
      table.add([
        "\(index)", step.op, step.mask ?? "", step.net ?? "", shape(step.outputShape), NumberText.grouped(step.parameters),
        NumberText.flops(step.flops),
      ])
    }
    let sessions = memory.sessions.map { "\(NumberText.bytes($0.bytes)) for batch \($0.batch)" }.joined(separator: ", ")
    let kind = info.levels > 0 ? "images \(shape(info.shape)) of \(info.levels) levels" : "rows of \(info.dims) numbers"
    return """
      \(model): \(kind), \(info.dims) dimensions, \(info.stepCount) steps

      \(table.text)

      prior           \(prior(info))
      parameters      \(NumberText.grouped(info.parameters))
      arithmetic      \(NumberText.flops(info.flops)) per sample
      model memory    \(NumberText.bytes(info.modelBytes)), and while it opens \(NumberText.bytes(memory.opening)) at most
      session memory  \(sessions), on \(NumberText.counted(memory.threads, "thread")), in \(memory.precision.rawValue)
      kernels         \(info.instructionSet)
      """
  }

  private func prior(_ info: FlowInfo) -> String {
    let name = info.prior.replacing("_", with: " ")
    return info.components > 1 ? "\(name) of \(info.components) components" : name
  }

  private func shape(_ axes: [Int]) -> String { axes.map(String.init).joined(separator: "x") }

  private func document(_ flow: Flow, _ memory: Memory) -> JSONText {
    let info = flow.info
    func integers(_ values: [Int]) -> JSONText { .array(values.map { .integer($0) }) }
    let steps = flow.steps.map { step in
      JSONText.object([
        ("op", .string(step.op)), ("mask", step.mask.map { .string($0) } ?? .null),
        ("net", step.net.map { .string($0) } ?? .null), ("input_shape", integers(step.inputShape)),
        ("output_shape", integers(step.outputShape)), ("parameters", .integer(step.parameters)),
        ("flops", .number(step.flops)),
      ])
    }
    return .object([
      ("model", .string(model)), ("shape", integers(info.shape)), ("dims", .integer(info.dims)),
      ("levels", .integer(info.levels)), ("prior", .string(info.prior)), ("components", .integer(info.components)),
      ("parameters", .integer(info.parameters)), ("flops", .number(info.flops)),
      ("model_bytes", .integer(info.modelBytes)), ("opening_bytes", .integer(memory.opening)),
      ("session_bytes", .object(memory.sessions.map { ("batch_\($0.batch)", .integer($0.bytes)) })),
      ("session_threads", .integer(memory.threads)), ("session_precision", .string(memory.precision.rawValue)),
      ("kernels", .string(info.instructionSet)), ("steps", .array(steps)), ("spec", .verbatim(flow.spec)),
    ])
  }
}
