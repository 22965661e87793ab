import Weir
import WeirReport

/// Which kernel runs each layer of a model, as a table or as JSON.
struct PlanReport {
  let model: String
  let flow: Flow

  private var steps: [(title: String, op: String, layers: [LayerDescription])] {
    flow.steps.enumerated().map { ("\($0.offset)", $0.element.op, $0.element.layers) } + [("", "prior", [flow.density])]
  }

  var text: String {
    var table = TextTable(header: ["step", "op", "layer", "kernel", "prepared by", "per sample", "touches", "weights"], leading: 5)
    for step in steps {
      for (index, layer) in step.layers.enumerated() {
        table.add([
          index == 0 ? step.title : "", index == 0 ? step.op : "", step.layers.count > 1 ? layer.title : layer.shapes,
          layer.kernel ?? ProfileReport.plain, layer.preparation ?? "", layer.flops > 0 ? NumberText.flops(layer.flops) : "",
          NumberText.bytes(layer.sampleBytes), layer.weightBytes > 0 ? NumberText.bytes(layer.weightBytes) : "",
        ])
      }
    }
    return """
      \(model): kernels \(flow.info.instructionSet), \(NumberText.flops(flow.info.flops)) per sample

      \(table.text)
      """
  }

  var json: JSONText {
    .object([
      ("model", .string(model)), ("kernels", .string(flow.info.instructionSet)), ("flops", .number(flow.info.flops)),
      (
        "steps",
        .array(steps.map { .object([("op", .string($0.op)), ("layers", .array($0.layers.map { Self.json($0) }))]) })
      ),
    ])
  }

  private static func json(_ layer: LayerDescription) -> JSONText {
    .object(
      layer.jsonMembers + [
        ("flops", .number(layer.flops)), ("sample_bytes", .integer(layer.sampleBytes)),
        ("weight_bytes", .integer(layer.weightBytes)),
      ])
  }
}
