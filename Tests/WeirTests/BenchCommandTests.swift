import Foundation
import Testing
import Weir
import WeirData

@Suite(.serialized) struct BenchCommandTests {
  private let folder: TemporaryFolder
  private let model: String

  init() throws {
    folder = try TemporaryFolder()
    model = try SmallFlows.trainedImageModel(in: folder)
  }

  private func bench(_ arguments: String...) throws -> CommandLineTool.Result {
    try CommandLineTool.run(["bench", model, "--rounds", "2", "--seconds", "0.01"] + arguments)
  }

  private func json(_ result: CommandLineTool.Result) throws -> [String: Any] {
    #expect(result.status == 0, "\(result.errors)")
    return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  @Test func everyCombinationIsMeasured() throws {
    let document = try json(bench("--batch", "1,3", "--threads", "2,1", "--json"))
    let cases = try #require(document["cases"] as? [[String: Any]])
    #expect(cases.map { $0["batch"] as? Int } == [1, 1, 3, 3] && cases.map { $0["threads"] as? Int } == [2, 1, 2, 1])
    let flops = try #require(document["flops_per_sample"] as? Double)
    for each in cases {
      let batch = try Double(#require(each["batch"] as? Int))
      let (median, rate) = try (#require(each["median_seconds"] as? Double), #require(each["samples_per_s"] as? Double))
      let (lowest, highest) = try (
        #require(each["lowest_seconds"] as? Double), #require(each["highest_seconds"] as? Double)
      )
      #expect(0 < lowest && lowest <= median && median <= highest && (each["round_seconds"] as? [Double])?.count == 2)
      #expect(abs(rate * median - batch) < 1e-9 && each["precision"] as? String == "f32" && each["log_likelihoods"] == nil)
      #expect(abs((each["flops_per_s"] as? Double ?? 0) / (rate * flops) - 1) < 1e-9 && each["pass"] == nil)
    }
    let peaks = try #require(document["peaks"] as? [[String: Any]])
    #expect(peaks.map { $0["threads"] as? Int } == [1, 2])
    #expect(peaks.allSatisfy { ($0["fma_flops_per_s"] as? Double ?? 0) > 0 && ($0["read_bytes_per_s"] as? Double ?? 0) > 0 })
  }

  @Test func inputsAndTheirScores() throws {
    try OutputFile.writeNPY(SmallFlows.pictures(5), shape: [5, 8, 8], to: folder("x.npy"))
    let result = try bench("--batch", "2,5", "--threads", "1", "--inputs", folder("x.npy"), "--json", "--scores")
    #expect(try json(result)["inputs"] as? String == folder("x.npy"))
    // As text, since JSONSerialization does not round every number to the nearest.
    let expected = try Flow.open(model).session().score(SmallFlows.pictures(5)).map { "\($0)" }
    for count in [2, 5] {
      #expect(result.output.contains("\"log_likelihoods\":[\(expected[..<count].joined(separator: ","))]"), "\(result.output)")
    }
    let few = try bench("--batch", "6", "--inputs", folder("x.npy"))
    #expect(few.status == 1 && few.errors.contains("holds 5 samples and --batch 6 needs 6"))
  }

  @Test func randomSamplesAreTheSameInEveryRun() throws {
    let table = folder("table.safetensors")
    try Trainer.create(SmallFlows.table, options: SmallFlows.options()).saveModel(table)
    for name in [model, table] {
      let runs = try (0..<2).map { _ in
        try json(
          CommandLineTool.run(
            "bench", name, "--batch", "9", "--threads", "1", "--rounds", "1", "--seconds", "0", "--json", "--scores"))
      }
      let scores = try runs.map { try #require(($0["cases"] as? [[String: Any]])?[0]["log_likelihoods"] as? [Double]) }
      #expect(scores[0] == scores[1] && scores[0].count == 9 && Set(scores[0]).count == 9)
    }
  }

  @Test func profileAddsUp() throws {
    let flow = try Flow.open(model)
    let document = try json(bench("--batch", "1", "--threads", "1", "--profile", "--json"))
    let pass = try #require((document["cases"] as? [[String: Any]])?[0]["pass"] as? [String: Any])
    let steps = try #require(pass["steps"] as? [[String: Any]])
    #expect(steps.count == flow.steps.count + 1 && pass["samples"] as? Int == 1)
    func sum(_ items: [[String: Any]], _ key: String) -> Double { items.reduce(0) { $0 + ($1[key] as? Double ?? .nan) } }
    for (step, description) in zip(steps, flow.steps) {
      let layers = try #require(step["layers"] as? [[String: Any]])
      #expect(layers.map { $0["kernel"] as? String } == description.layers.map(\.kernel))
      #expect(layers.map { $0["input_shape"] as? [Int] } == description.layers.map(\.inputShape))
      #expect(step["flops"] as? Double == description.flops && sum(layers, "flops") == description.flops)
      #expect(abs(sum(layers, "seconds") - (step["seconds"] as? Double ?? .nan)) < 1e-12)
    }
    let reading = try #require(pass["read_x_seconds"] as? Double)
    #expect(abs(sum(steps, "seconds") + reading - (pass["seconds"] as? Double ?? .nan)) < 1e-12)
    #expect(sum(steps, "flops") == flow.info.flops)

    let text = try bench("--batch", "1", "--threads", "1", "--profile").output
    #expect(text.contains("of roofline") && text.contains("conv3x3_forward") && text.contains("a pass of 1 sample"))
  }

  private struct Span {
    let process: Int
    let kind: String
    let name: String
    let start: Int
    let end: Int
  }

  /// The complete events of a trace, times in nanoseconds.
  private func spans(_ path: String) throws -> [Span] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let events = try #require(document["traceEvents"] as? [[String: Any]])
    return try events.filter { $0["ph"] as? String == "X" }.map { event in
      let (start, duration) = try (#require(event["ts"] as? Double), #require(event["dur"] as? Double))
      let arguments = try #require(event["args"] as? [String: Any])
      #expect(arguments["flops"] is Double && arguments["bytes"] is Double)
      let begin = Int((start * 1000).rounded())
      return Span(
        process: try #require(event["pid"] as? Int), kind: try #require(event["cat"] as? String),
        name: try #require(event["name"] as? String), start: begin, end: begin + Int((duration * 1000).rounded()))
    }
  }

  @Test func tracesNest() throws {
    let flow = try Flow.open(model)
    let layers = flow.steps.reduce(1) { $0 + $1.layers.count }
    let result = try bench("--batch", "1,2", "--threads", "1", "--trace", folder("t.json"))
    #expect(result.status == 0 && !result.output.contains("of roofline"), "\(result.errors)")
    let all = try spans(folder("t.json"))
    for process in 1...2 {
      let events = all.filter { $0.process == process }
      #expect(events.count == 1 + flow.steps.count + 1 + layers)
      var open: [Span] = []
      for event in events {
        #expect(event.start >= 0 && event.end >= event.start)
        let depth = event.kind == "pass" ? 0 : event.kind == "step" ? 1 : 2
        open.removeSubrange(min(depth, open.count)...)
        #expect(open.count == depth, "\(event) has no parent")
        if let parent = open.last { #expect(parent.start <= event.start && event.end <= parent.end, "\(event) in \(parent)") }
        open.append(event)
      }
      #expect(events[0].kind == "pass" && events[1].name == "0 dequantize")
    }
    #expect(all.count == 2 * (2 + flow.steps.count + layers))
  }

  @Test func mistakesAreRefused() throws {
    func refused(_ status: Int32, _ text: String, _ arguments: String...) throws {
      let result = try CommandLineTool.run(["bench"] + arguments)
      #expect(result.status == status && result.errors.contains(text) && result.output.isEmpty, "\(result.errors)")
    }
    try refused(1, "there is no such file", folder("none"))
    try refused(2, "Missing expected argument")
    try refused(2, "'0' is not a whole number from 1 to 65536", model, "--batch", "0")
    try refused(2, "'x' is not a whole number", model, "--batch", "1,x")
    try refused(2, "'' is not a whole number", model, "--batch", "1,,2")
    try refused(2, "'70000' is not a whole number", model, "--batch", "70000")
    try refused(2, "8 is there twice", model, "--batch", "8,8")
    try refused(2, "from 1 to 1024", model, "--threads", "1025")
    try refused(2, "this version does not compute in 'f16'; it has f32, bf16", model, "--precision", "f16")
    try refused(2, "this version does not compute in 'f16'; it has f32, bf16", model, "--precision", "f32,f16")
    try refused(2, "--rounds is 0", model, "--rounds", "0")
    try refused(2, "--seconds is -1", model, "--seconds=-1")
    try refused(2, "add --json", model, "--scores")
    try refused(2, "must end in .json", model, "--trace", "t.txt")
    try refused(1, "is not a folder that you may write to", model, "--trace", folder("no/t.json"))
    try refused(1, "a model, not data", model, "--inputs", model)
  }

  @Test func planOfAModel() throws {
    let flow = try Flow.open(model)
    let text = try CommandLineTool.run("inspect", model, "--plan")
    #expect(
      text.status == 0 && text.output.contains("conv3x3_forward") && text.output.contains("kernels \(flow.info.instructionSet)"))
    let document = try json(CommandLineTool.run("inspect", model, "--plan", "--json"))
    let steps = try #require(document["steps"] as? [[String: Any]])
    #expect(steps.map { $0["op"] as? String } == flow.steps.map(\.op) + ["prior"])
    for (step, description) in zip(steps, flow.steps) {
      let layers = try #require(step["layers"] as? [[String: Any]])
      #expect(layers.map { $0["name"] as? String } == description.layers.map(\.name))
      #expect(layers.map { $0["flops"] as? Double } == description.layers.map(\.flops))
      #expect(layers.map { $0["weight_bytes"] as? Int } == description.layers.map(\.weightBytes))
    }
  }
}
