import Weir

/// Passes as trace events for ui.perfetto.dev and chrome://tracing: a process for each case, in it one pass, its steps and their layers.
/// The format is "Trace Event Format" (Google, 2016): complete events, times in microseconds.
struct ProfileTrace {
  private var events: [JSONText] = []
  private var processes = 0

  /// Adds a case's typical pass.
  mutating func add(_ profile: PassProfile, of flow: Flow, name: String) {
    processes += 1
    events.append(
      .object([
        ("name", .string("process_name")), ("ph", .string("M")), ("pid", .integer(processes)),
        ("args", .object([("name", .string(name))])),
      ]))
    let begin = profile.typical.map(\.start).min() ?? 0
    // As they begin, parents before their children.
    let ordered = profile.typical.sorted { ($0.start, Self.depth($0.part)) < ($1.start, Self.depth($1.part)) }
    for event in ordered { events.append(json(event, flow, begin)) }
  }

  private static func depth(_ part: ProfileEvent.Part) -> Int {
    switch part {
    case .pass: 0
    case .step: 1
    case .layer: 2
    }
  }

  private func json(_ event: ProfileEvent, _ flow: Flow, _ begin: UInt64) -> JSONText {
    let (name, kind) = title(event, flow)
    return .object([
      ("name", .string(name)), ("cat", .string(kind)), ("ph", .string("X")), ("pid", .integer(processes)), ("tid", .integer(1)),
      ("ts", microseconds(event.start - begin)), ("dur", microseconds(event.nanoseconds)),
      ("args", .object([("flops", .number(event.flops)), ("bytes", .number(event.bytes))])),
    ])
  }

  private func title(_ event: ProfileEvent, _ flow: Flow) -> (name: String, kind: String) {
    switch event.part {
    case .pass: ("pass of \(event.samples) sample\(event.samples == 1 ? "" : "s")", "pass")
    case .step(let step): (step < flow.steps.count ? "\(step) \(flow.steps[step].op)" : "prior", "step")
    case .layer: (event.description?.title ?? "", event.description?.kernel ?? ProfileReport.plain)
    }
  }

  /// Exactly, to the nanosecond.
  private func microseconds(_ nanoseconds: UInt64) -> JSONText {
    let (whole, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1000)
    let digits = String(rest)
    return .verbatim("\(whole).\(String(repeating: "0", count: 3 - digits.count))\(digits)")
  }

  var text: String { JSONText.object([("traceEvents", .array(events)), ("displayTimeUnit", .string("ns"))]).text }
}
