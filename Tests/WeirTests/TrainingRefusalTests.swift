import Foundation
import Testing
import WeirData

/// Recipes that do not go with their data are refused before anything is trained: one line with the recipe's line, or the file's place,
/// the reason and a remedy.
@Suite struct TrainingRefusalTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func images(_ count: Int, _ height: Int, _ width: Int, _ name: String) throws -> String {
    let values = (0..<count * height * width).map { UInt8($0 * 37 % 256) }
    try OutputFile.writeNPY(values, shape: [count, height, width], to: folder(name))
    return folder(name)
  }

  private func table(_ rows: [String] = []) throws -> String {
    let lines = (0..<60).map { "\($0),\($0 * $0 % 7),\($0 % 2)" }
    return try folder.write((["a,b,label"] + lines + rows).joined(separator: "\n") + "\n", "table.csv")
  }

  private func expectRefused(
    _ recipe: String, _ place: String, _ text: String, options: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let path = try folder.write(recipe, "r.yaml")
    let process = try CommandLineTool.run(["train", path, "--output", folder("model")] + options)
    #expect(process.status == 1, sourceLocation: sourceLocation)
    #expect(process.errors.split(separator: "\n").count == 1, "\(process.errors)", sourceLocation: sourceLocation)
    #expect(process.errors.contains(place), "\(process.errors)", sourceLocation: sourceLocation)
    #expect(process.errors.contains(text), "\(process.errors)", sourceLocation: sourceLocation)
  }

  /// A recipe for the table; `data` begins on line 3, `train` after "layers".
  private func tableRecipe(_ data: String, train: String = "", rows: [String] = []) throws -> String {
    """
    data:
      train: \(try table(rows))
      \(data)
    flow: {preset: tabular, couplings: 2, hidden: 8, layers: 1}
    train:
      epochs: 1
      batch: 16
      learning_rate: 1e-3
      \(train)
    """
  }

  private func imageRecipe(_ input: String, flow: String) -> String {
    """
    data: {train: \(input)}
    train: {epochs: 1, batch: 4, learning_rate: 1e-3}
    flow:
    \(flow)
    """
  }

  @Test func whatIsHeldOut() throws {
    try expectRefused(tableRecipe("validation: 1.5"), "r.yaml:3: data.validation", "is 1.5; it must be a fraction")
    try expectRefused(tableRecipe("validation: 0.9"), "r.yaml:3: data.validation", "leaves 6 of 60 samples to train on")
    try expectRefused(tableRecipe("test: 0.6\n  validation: 0.5"), "r.yaml:4: data.validation", "leaves 0 of 60 samples")
    try expectRefused(tableRecipe("validation: 0.001"), "r.yaml:3: data.validation", "is none; raise it")
    try expectRefused(tableRecipe("out: [\(folder("x.npy"))]"), "r.yaml:3: data.out", "data.test, which is missing")
    try expectRefused(tableRecipe("limit: 60", train: "patience: 3"), "r.yaml:9: train.patience", "data.validation is missing")
    try expectRefused(tableRecipe("limit: 60", train: "negative_floor: -9"), "r.yaml:9: train.negative_floor", "data.negative")
  }

  @Test func classes() throws {
    try expectRefused(tableRecipe("class: 7"), "r.yaml:3: data.class", "has no sample of class 7; its labels are 0, 1")
    try expectRefused(tableRecipe("class: 0"), "--class", "has no sample of class 5", options: ["--class", "5"])
    try expectRefused(tableRecipe("test: 0.2\n  out: others"), "r.yaml:4: data.out", "--class")
    try expectRefused(tableRecipe("class: 0\n  labels: none"), "r.yaml:3: data.class", "data.labels says none")
    let unlabelled = try images(8, 8, 8, "plain.npy")
    let flow = "  preset: realnvp\n  scales: 1\n  channels: 4\n  blocks: 1"
    try expectRefused(imageRecipe(unlabelled, flow: flow), "plain.npy", "has no labels", options: ["--class", "1"])
  }

  @Test func tables() throws {
    try expectRefused(tableRecipe("limit: 60", rows: ["3,,1"]), "table.csv:62", "column")
    try expectRefused(tableRecipe("limit: 60", rows: ["3,many,1"]), "table.csv:62", "many")
    try expectRefused(tableRecipe("limit: 60", rows: ["3,4"]), "table.csv:62", "2")
  }

  @Test func whatIsNoPlaceForAModel() throws {
    let recipe = try folder.write(tableRecipe("limit: 60"), "r.yaml")
    let places = [("r.yaml", "is there and is no model"), ("r.yaml/m", "can't be written"), ("none/m", "can't be written")]
    for (output, text) in places {
      let process = try CommandLineTool.run("train", recipe, "--output", folder(output))
      #expect(process.status == 1 && process.errors.contains(text), "\(process.errors)")
    }
    #expect(try String(contentsOfFile: recipe, encoding: .utf8).contains("preset: tabular"))
  }

  @Test func otherShapes() throws {
    let train = try images(8, 8, 8, "train.npy")
    let other = try images(8, 8, 10, "other.npy")
    let recipe = """
      data:
        train: \(train)
        negative: \(other)
      flow: {preset: realnvp, scales: 1, channels: 4, blocks: 1}
      train: {epochs: 1, batch: 4, learning_rate: 1e-3}
      """
    try expectRefused(recipe, "r.yaml:3: data.negative", "has shape [8, 8, 10]; the model wants [n, 1, 8, 8]")
    let key = recipe.replacing("negative", with: "validation")
    try expectRefused(key, "r.yaml:3: data.validation", "has shape [8, 8, 10]")
    let range = recipe.replacing("other.npy", with: "train.npy[5:9]")
    try expectRefused(range, "train.npy", "has 8 samples, and [5:9] asks for others")
    let empty = recipe.replacing("other.npy", with: "train.npy[5:2]")
    try expectRefused(empty, "train.npy", "has 8 samples, and [5:2] is none of them; [a:b] is samples a to b - 1")
  }

  @Test func whiteningNeedsMoreRowsThanColumns() throws {
    try OutputFile.writeNPY((0..<40 * 50).map { Float($0 * 37 % 256) }, shape: [40, 50], to: folder("wide.npy"))
    let recipe = try tableRecipe("limit: 60").replacing("layers: 1}", with: "layers: 1, scaling: whiten}")
    let place = "r.yaml:4: flow.scaling: is whiten"
    try expectRefused(recipe, place, "there are 40 of 50; use standard or robust", options: ["--train", folder("wide.npy")])
  }

  /// Whichever part the seed puts it into.
  @Test(arguments: 0..<4) func whatIsNotFinite(_ seed: Int) throws {
    var rows = (0..<120).map { Float($0) }
    rows[14] = .nan
    rows[31] = .infinity
    try OutputFile.writeNPY(rows, shape: [60, 2], to: folder("nan.npy"))
    let recipe = try tableRecipe("test: 0.4\n  validation: 0.2")
    let options = ["--train", folder("nan.npy"), "--seed", "\(seed)"]
    try expectRefused(recipe, "nan.npy", "2 of 60 samples hold NaN or Inf, the first is sample 7, from 0", options: options)
  }

  @Test func aRunWithoutAStepMakesNoModel() throws {
    let rows = (1...60).map { "\($0)e36,\($0)e36" }
    let table = try folder.write((["a,b"] + rows).joined(separator: "\n") + "\n", "huge.csv")
    let recipe = """
      data: {train: \(table)}
      flow: {preset: tabular, couplings: 2, hidden: 8, layers: 1, scaling: none}
      train: {epochs: 1, batch: 16, learning_rate: 1e-3}
      """
    let process = try CommandLineTool.run("train", folder.write(recipe, "huge.yaml"), "--output", folder("model"))
    #expect(process.status == 1 && process.errors.contains("every one of 3 steps was dropped"), "\(process.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder("model")))
  }

  @Test func flowsThatDoNotFit() throws {
    let odd = try images(8, 9, 12, "odd.npy")
    try expectRefused(imageRecipe(odd, flow: "  preset: glow\n  scales: 1"), "r.yaml:5: flow.scales", "9x12")
    try expectRefused(imageRecipe(odd, flow: "  preset: cycle"), "r.yaml:4: flow.preset cycle", "even height and width")
    let steps = "  steps:\n    - {op: dequantize}\n    - {op: logit}\n"
    try expectRefused(imageRecipe(odd, flow: steps + "    - {op: squeeze}"), "r.yaml:7: flow.steps[2]", "9")
    let net = "net: {type: convnet, channels: 4, blocks: 1}"
    let centre = "    - {op: coupling, mask: {type: centre, margin: 5}, \(net)}"
    try expectRefused(imageRecipe(odd, flow: steps + centre), "r.yaml:7: flow.steps[2].mask", "margin")
    let tiles = "    - op: coupling\n      mask: {type: sub_quadrant, factor: 2, from: 0, to: 1}\n      \(net)"
    try expectRefused(imageRecipe(odd, flow: steps + tiles), "r.yaml:8: flow.steps[2].mask", "factor")
  }
}
