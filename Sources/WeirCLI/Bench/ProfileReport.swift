import Weir
import WeirReport

/// A profile for people and for programs, beside the machine's peaks.
struct ProfileReport {
  let profile: PassProfile
  /// Operations and bytes a second.
  let multiplyAdd: Double
  let read: Double

  private static let measures = ["time", "share", "arithmetic", "touches", "GFLOP/s", "GB/s", "of roofline"]

  private func cells(_ work: PassProfile.Work) -> [String] {
    let roofline = work.roofline(multiplyAdd: multiplyAdd, read: read)
    return [
      NumberText.interval(work.seconds), NumberText.percent(work.seconds / profile.whole.seconds),
      work.flops > 0 ? NumberText.flops(work.flops) : "", NumberText.bytes(Int(work.bytes)),
      work.flops > 0 ? Self.rate(work.flops / work.seconds) : "", Self.rate(work.bytes / work.seconds),
      NumberText.percent(roofline),
    ]
  }

  var text: String { "\(title)\n\n\(byStep)\n\n\(byKernel)" }

  private var title: String {
    """
    a pass of \(NumberText.counted(profile.samples, "sample")), medians of each layer over \
    \(NumberText.counted(profile.passes, "pass", "passes")), which took \(NumberText.interval(profile.typicalSeconds))
    """
  }

  static let legend = """
    Touches: weights, inputs and outputs, each once. Of roofline: the least time that the peaks allow, the larger of arithmetic / multiply-adds
    and touches / reading, as a part of the time taken; above 100 % caches gave what counts as memory's. On a busy machine passes take longer
    than their layers' medians together.
    """

  private var byStep: String {
    var table = TextTable(header: ["step", "op"] + Self.measures, leading: 2)
    table.add(["", "read x", NumberText.interval(profile.reading), NumberText.percent(profile.reading / profile.whole.seconds)])
    for (index, step) in profile.steps.enumerated() {
      table.add([index == profile.steps.count - 1 ? "" : "\(index)", step.op] + cells(step.work))
    }
    table.add(["", "all"] + cells(profile.whole))
    return table.text
  }

  /// A kernel, then its layers by what they are, the longest first.
  private var byKernel: String {
    var table = TextTable(header: ["kernel", "layer", "count"] + Self.measures, leading: 2)
    for kernel in Self.groups(profile.layers, by: { $0.description.kernel ?? Self.plain }) {
      table.add([kernel.key, "", "\(kernel.layers.count)"] + cells(kernel.work))
      for layer in Self.groups(kernel.layers, by: { $0.description.title }) {
        table.add(["", layer.key, "\(layer.layers.count)"] + cells(layer.work))
      }
    }
    return table.text
  }

  /// What does the arithmetic where no kernel does.
  static let plain = "plain C"

  private typealias Group = (key: String, layers: [PassProfile.Layer], work: PassProfile.Work)

  private static func groups(_ layers: [PassProfile.Layer], by key: (PassProfile.Layer) -> String) -> [Group] {
    let groups = Dictionary(grouping: layers, by: key).map { entry -> Group in
      (entry.key, entry.value, entry.value.reduce(PassProfile.Work()) { $0 + $1.work })
    }
    return groups.sorted { ($1.work.seconds, $0.key) < ($0.work.seconds, $1.key) }
  }

  /// In units of 10^9.
  static func rate(_ perSecond: Double) -> String { NumberText.fixed(1e-9 * perSecond, 1) }

  private static func json(_ work: PassProfile.Work) -> [(String, JSONText)] {
    [("seconds", .number(work.seconds)), ("flops", .number(work.flops)), ("bytes", .number(work.bytes))]
  }

  var json: JSONText {
    let steps = profile.steps.enumerated().map { index, step in
      let layers = profile.layers.filter { $0.step == index }.map { layer in
        JSONText.object(layer.description.jsonMembers + Self.json(layer.work))
      }
      return JSONText.object([("op", .string(step.op))] + Self.json(step.work) + [("layers", .array(layers))])
    }
    return .object(
      [("samples", .integer(profile.samples)), ("passes", .integer(profile.passes))] + Self.json(profile.whole)
        + [
          ("pass_seconds", .number(profile.typicalSeconds)), ("read_x_seconds", .number(profile.reading)), ("steps", .array(steps)),
        ])
  }
}

extension LayerDescription {
  /// What it is and what runs it.
  var jsonMembers: [(String, JSONText)] {
    [
      ("name", .string(name)), ("kernel", kernel.map { .string($0) } ?? .null),
      ("preparation", preparation.map { .string($0) } ?? .null),
      ("input_shape", .array(inputShape.map { .integer($0) })), ("output_shape", .array(outputShape.map { .integer($0) })),
    ]
  }
}
