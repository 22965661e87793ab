import Foundation
import Testing
import WeirData

/// Every recipe of Examples/Recipes is read, its data matched and its flow built. Data that does not come with Weir is stood in for by
/// a few samples of the shape that the recipe is for; networks and batches are made small, so that this takes no time.
@Suite struct ExampleRecipeTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Examples/Recipes")
  private static let names = try! FileManager.default.contentsOfDirectory(atPath: folder.path)
    .filter { $0.hasSuffix(".yaml") }.sorted()

  private let data: TemporaryFolder

  init() throws { data = try TemporaryFolder() }

  /// The recipe with small sizes and samples that are there.
  ///
  /// - Parameter side: of images, which are square.
  private func shrunk(_ name: String, side: Int) throws -> String {
    var text = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
    text = text.replacing("shape: [3, 32, 32]", with: "shape: [3, \(side), \(side)]").replacing("shape: [512]", with: "shape: [16]")
    let samples = try samples(text, side)
    // What stands where a path does: up to the end of the line, a comment, or the rows that are wanted.
    text = text.replacing(/(\/usr\/share|Examples\/Data|PATH)\/[^\s\[]+(\[[0-9:]*\])?/) { _ in samples }
    for (key, value) in [("channels", 4), ("hidden", 8), ("latent", 3), ("batch", 8), ("steps_per_scale", 1), ("blocks", 2)] {
      text = try text.replacing(Regex("\\b\(key): [0-9]+"), with: "\(key): \(value)")
    }
    return try data.write(text, name)
  }

  private func samples(_ text: String, _ side: Int) throws -> String {
    func images(_ shape: [Int]) throws -> String {
      let values = (0..<shape.reduce(1, *)).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
      try OutputFile.writeNPY(values, shape: shape, to: data("images.npy"))
      return data("images.npy")
    }
    func table(_ dims: Int) throws -> String {
      let header = (0..<dims).map { "x\($0)" } + ["label"]
      let rows = (0..<120).map { row in
        ((0..<dims).map { "\((row * 37 + $0 * 11) % 101)" } + ["\(row % 3 / 2)"]).joined(separator: ",")
      }
      return try data.write(([header.joined(separator: ",")] + rows).joined(separator: "\n") + "\n", "table.csv")
    }
    if text.contains("preset: tabular") { return try table(text.contains("shape: [16]") ? 16 : 10) }
    return try images(text.contains("shape: [3, ") ? [20, side, side, 3] : [20, side, side])
  }

  @Test func theListIsWhole() throws {
    #expect(Self.names.count > 20)
    let list = try String(contentsOf: Self.folder.appendingPathComponent("README.md"), encoding: .utf8)
    for name in Self.names {
      let stem = name.replacing(".yaml", with: "").replacing("-small", with: "")
      #expect(list.contains("`\(stem)`") || list.contains("`\(stem)-small`"), "README.md does not list \(name)")
    }
  }

  @Test(arguments: names) func describesARun(_ name: String) throws {
    let recipe = try shrunk(name, side: name.contains("rgb") ? 32 : 28)
    let result = try CommandLineTool.run("train", recipe, "--output", data("model"), "--threads", "1", "--dry-run")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("batches of 8"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: data("model")))
    let text = try String(contentsOf: Self.folder.appendingPathComponent(name), encoding: .utf8)
    #expect(text.hasPrefix("#") && text.contains("#   weir train Examples/Recipes/\(name) "))
  }

  @Test(arguments: names.filter { $0.contains("-small") }) func trains(_ name: String) throws {
    let recipe = try shrunk(name, side: name.contains("autoencoder") ? 28 : 16)
    let result = try CommandLineTool.run("train", recipe, "--output", data("model"), "--threads", "1", "--epochs", "1")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains(name.contains("rgb") || name.contains("steps") ? "test: mean" : "AUROC"), "\(result.output)")
  }
}
