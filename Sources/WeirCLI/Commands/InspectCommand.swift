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

  @Flag(help: "Show which kernel computes each layer of each step, with its shapes and arithmetic.")
  var plan = false

  @Flag(help: "Print one JSON document and nothing else.")
  var json = false

  mutating func run() throws {
    let flow = try Flow.open(model)
    if plan {
      let report = PlanReport(model: model, flow: flow)
      print(json ? report.json.text : report.text)
      return
    }
    let one = try flow.sessionBytes(batch: 1)
    let many = try flow.sessionBytes(batch: 32)
    print(json ? document(flow, one, many).text : try text(flow, one, many))
  }

  private func text(_ flow: Flow, _ one: Int, _ many: Int) throws -> String {
    let info = flow.info
    var table = TextTable(header: ["step", "op", "mask", "net", "output", "parameters", "per sample"], leading: 4)
    for (index, step) in flow.steps.enumerated() {
      table.add([
        "\(index)", step.op, step.mask ?? "", step.net ?? "", shape(step.outputShape), NumberText.grouped(step.parameters),
        NumberText.flops(step.flops),
      ])
    }
    let kind = info.levels > 0 ? "images \(shape(info.shape)) of \(info.levels) levels" : "rows of \(info.dims) numbers"
    return """
      \(model): \(kind), \(info.dims) dimensions, \(info.stepCount) steps

      \(table.text)

      prior           \(prior(info))
      parameters      \(NumberText.grouped(info.parameters))
      arithmetic      \(NumberText.flops(info.flops)) per sample
      model memory    \(NumberText.bytes(info.modelBytes))
      session memory  \(NumberText.bytes(one)) for batch 1, \(NumberText.bytes(many)) for batch 32
      kernels         \(info.instructionSet)
      """
  }

  private func prior(_ info: FlowInfo) -> String {
    let name = info.prior.replacing("_", with: " ")
    return info.components > 1 ? "\(name) of \(info.components) components" : name
  }

  private func shape(_ axes: [Int]) -> String { axes.map(String.init).joined(separator: "x") }

  private func document(_ flow: Flow, _ one: Int, _ many: Int) -> JSONText {
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
      ("model_bytes", .integer(info.modelBytes)),
      ("session_bytes", .object([("batch_1", .integer(one)), ("batch_32", .integer(many))])),
      ("kernels", .string(info.instructionSet)), ("steps", .array(steps)), ("spec", .verbatim(flow.spec)),
    ])
  }
}
