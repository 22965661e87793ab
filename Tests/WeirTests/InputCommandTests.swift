import Foundation
import Testing
import Weir
import WeirData

/// Inputs of every kind on the command line.
@Suite(.serialized) struct InputCommandTests {
  private let folder: TemporaryFolder
  private let model: String
  private let table: String
  private let scores: [Double]

  /// A model of five columns, and a table of six rows with labels 0, 1, 2, 0, 1, 2.
  init() throws {
    folder = try TemporaryFolder()
    let trainer = try Trainer.create(SmallFlows.table, options: SmallFlows.options())
    model = folder("table.safetensors")
    try trainer.saveModel(model)
    let rows = SmallFlows.rows(6)
    let lines = (0..<6).map { row in "\(row % 3)," + rows[row * 5..<row * 5 + 5].map { "\($0)" }.joined(separator: ",") }
    table = try folder.write("class,a,b,c,d,e\n" + lines.joined(separator: "\n"), "t.csv")
    scores = try Flow.open(model).session().score(rows)
  }

  private func score(_ arguments: String...) throws -> [Double] {
    let result = try CommandLineTool.run(["score", model] + arguments)
    #expect(result.status == 0, "\(result.errors)")
    return result.output.split(separator: "\n").compactMap { Double($0) }
  }

  @Test func tablesAndClasses() throws {
    #expect(try score(table) == scores)
    #expect(try score(table + "@1") == [scores[1], scores[4]])
    #expect(try score(table, "--class", "0,2") == [scores[0], scores[2], scores[3], scores[5]])
    let labels = try folder.write(FileBytes.npy("|u1", "(6,)", [0, 0, 0, 0, 0, 9]), "own.npy")
    #expect(try score(table, "--class", "9", "--labels", labels) == [scores[5]])
    let missing = try CommandLineTool.run("score", model, table + "@7")
    #expect(missing.status == 1 && missing.errors.contains("has no sample of class 7; its labels are 0, 1, 2"), "\(missing.errors)")
    let hole = try CommandLineTool.run("score", model, folder.write("1,2,3,,5\n", "hole.csv"))
    #expect(hole.status == 1 && hole.errors.contains("hole.csv:1:4: is empty"), "\(hole.errors)")
    #expect(try CommandLineTool.run("score", model, table, "--class", "one").status == 2)
    #expect(try CommandLineTool.run("score", model, table, "--resize", "8").status == 2)
    #expect(try CommandLineTool.run("score", model, "").errors.contains("empty path; name a file"))
  }

  @Test func evaluateChoosesTheSetThatBelongs() throws {
    let result = try CommandLineTool.run("evaluate", model, "--in", table, "--class", "0", "--out", "Others=\(table)@1,2", "--json")
    #expect(result.status == 0, "\(result.errors)")
    let document = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    let others = try #require(document["out"] as? [[String: Any]])
    #expect((document["in"] as? [String: Any])?["count"] as? Int == 2)
    #expect(others[0]["count"] as? Int == 4 && others[0]["name"] as? String == "Others")
  }

  @Test func foldersOfPictures() throws {
    let images = try SmallFlows.trainedImageModel(in: folder)
    let pixels = SmallFlows.pictures(2)
    for (name, start) in [("cat", 0), ("dog", 64)] {
      try FileManager.default.createDirectory(atPath: folder("p/\(name)"), withIntermediateDirectories: true)
      _ = try folder.write(FileBytes.png(width: 8, height: 8, colour: 0, Array(pixels[start..<start + 64])), "p/\(name)/1.png")
    }
    let expected = try Flow.open(images).session().score(pixels)
    let all = try CommandLineTool.run("score", images, folder("p"))
    #expect(all.output.split(separator: "\n").map { Double($0) } == expected, "\(all.errors)")
    let dogs = try CommandLineTool.run("score", images, folder("p") + "@1")
    #expect(dogs.output.split(separator: "\n").map { Double($0) } == [expected[1]], "\(dogs.errors)")
    _ = try folder.write(FileBytes.png(width: 1, height: 1, colour: 0, [7]), "p/dog/2.png")
    let small = try CommandLineTool.run("score", images, folder("p"))
    #expect(small.status == 1 && small.errors.contains("p/dog/2.png: is 1x1 (height, width)"), "\(small.errors)")
    let resized = try CommandLineTool.run("score", images, folder("p"), "--resize", "8,8")
    let first = resized.output.split(separator: "\n").prefix(2).map { Double($0) }
    #expect(first == expected, "\(resized.errors)")
  }

  /// The table that ships with the examples.
  @Test func theExamplesTable() throws {
    let place = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Examples/Data")
    var options = ReadingOptions()
    options.labels = .beside
    let samples = try InputFile.samples(LabelledInput(place.path + "/magic-gamma.npz:X"), options)
    #expect(samples.array.shape == [19020, 10])
    #expect(try samples.selecting(classes: [0]).count == 12332 && samples.selecting(classes: [1]).count == 6688)
  }
}
