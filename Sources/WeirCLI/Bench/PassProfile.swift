import Weir

/// Collects the passes of a profile.
final class PassRecorder {
  /// Most passes that are kept.
  static let passesMost = 256

  private(set) var passes: [[ProfileEvent]] = []
  private var current: [ProfileEvent] = []

  var isFull: Bool { passes.count >= Self.passesMost }

  /// Passes of fewer samples than the first, the last rows of a batch, are left out.
  func add(_ event: ProfileEvent) {
    current.append(event)
    guard event.part == .pass else { return }
    if passes.first.map({ $0[0].samples == event.samples }) ?? true, !isFull { passes.append(current) }
    current.removeAll(keepingCapacity: true)
  }
}

/// Where the time of a pass goes.
struct PassProfile {
  /// A layer of a step, with medians over the passes.
  struct Layer {
    let step: Int
    let description: LayerDescription
    var work: Work
  }

  /// Seconds, and what was done in them.
  struct Work {
    var seconds = 0.0
    var flops = 0.0
    var bytes = 0.0

    static func + (a: Work, b: Work) -> Work {
      Work(seconds: a.seconds + b.seconds, flops: a.flops + b.flops, bytes: a.bytes + b.bytes)
    }

    /// What a machine of these peaks needs at least, as a part of what it took: the roofline (Williams, Waterman, Patterson 2009). Above 1
    /// when caches gave what is counted as memory's, or when a kernel does fewer operations than the layer's formula has.
    func roofline(multiplyAdd: Double, read: Double) -> Double { max(flops / multiplyAdd, bytes / read) / seconds }
  }

  let samples: Int
  let passes: Int
  /// Reading x, before the steps.
  let reading: Double
  let layers: [Layer]
  /// Of each step and of the density of the latents, the last.
  let steps: [(op: String, work: Work)]
  /// The pass whose time is the median: one that was, as a trace needs it.
  let typical: [ProfileEvent]
  /// How long that took, with all that came between: more than the sum of the parts' medians where other work uses the machine.
  var typicalSeconds: Double { Double(typical[typical.count - 1].nanoseconds) * 1e-9 }

  init(_ flow: Flow, _ recorder: PassRecorder) {
    let passes = recorder.passes
    let first = passes[0]
    var layers: [Layer] = []
    for (index, event) in first.enumerated() {
      guard case .layer(let step, _) = event.part, let description = event.description else { continue }
      let median = passes.map { Double($0[index].nanoseconds) }.median * 1e-9
      layers.append(
        Layer(step: step, description: description, work: Work(seconds: median, flops: event.flops, bytes: event.bytes)))
    }
    self.layers = layers
    self.passes = passes.count
    samples = first[0].samples
    // The pass begins with it, and the first layer comes next.
    reading = passes.map { Double($0[0].start - $0[$0.count - 1].start) }.median * 1e-9
    steps = (0...flow.steps.count).map { step in
      let op = step < flow.steps.count ? flow.steps[step].op : "prior"
      return (op, layers.filter { $0.step == step }.reduce(Work()) { $0 + $1.work })
    }
    typical = passes.sorted { $0[$0.count - 1].nanoseconds < $1[$1.count - 1].nanoseconds }[(passes.count - 1) / 2]
  }

  /// All of a pass.
  var whole: Work { steps.reduce(Work(seconds: reading)) { $0 + $1.work } }
}

extension LayerDescription {
  /// "conv3x3 64->64 28x28".
  var title: String { "\(name) \(shapes)" }

  /// "64->64 28x28"; of tables "512->1024".
  var shapes: String {
    func text(_ axes: [Int]) -> String { axes.map(String.init).joined(separator: "x") }
    let (from, to) = (inputShape, outputShape)
    guard from[1] == to[1], from[2] == to[2] else { return "\(text(from))->\(text(to))" }
    return "\(from[0])->\(to[0])" + (from[1] == 1 && from[2] == 1 ? "" : " \(from[1])x\(from[2])")
  }
}
