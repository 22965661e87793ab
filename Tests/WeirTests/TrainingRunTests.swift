import Foundation
import Testing
import Weir
import WeirData

/// What `weir train` does beyond taking steps: samples held out, the best model, negative samples, classes, the guard's reports.
@Suite(.serialized) struct TrainingRunTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func images(_ count: Int, seed: UInt64, _ name: String) throws -> String {
    try OutputFile.writeNPY(SmallFlows.pictures(count, seed: seed), shape: [count, 8, 8], to: folder(name))
    return folder(name)
  }

  /// Two clouds of rows, the second of them elsewhere, with their labels.
  private func table(_ count: Int) throws -> String {
    let rows = SmallFlows.rows(count)
    let lines = (0..<count).map { row in
      let label = row % 2
      return (0..<5).map { "\(rows[row * 5 + $0] + Float(label) * Float($0))" }.joined(separator: ",") + ",\(label)"
    }
    return try folder.write((["a,b,c,d,e,label"] + lines).joined(separator: "\n") + "\n", "table.csv")
  }

  private func imageRecipe(data: String, train: String = "", flow: String = "") throws -> String {
    try folder.write(
      """
      data:
        train: \(images(96, seed: 1, "train.npy"))
      \(data)
      flow: {preset: realnvp, scales: 2, channels: 4, blocks: 1\(flow)}
      train:
        batch: 16
        learning_rate: 1e-3
        threads: 1
        log_every: 1
      \(train)
      """, "recipe.yaml")
  }

  private func tableRecipe(data: String, train: String = "  epochs: 3") throws -> String {
    try folder.write(
      """
      data:
        train: \(table(400))
      \(data)
      flow: {preset: tabular, couplings: 2, hidden: 8, layers: 1}
      train:
        batch: 20
        learning_rate: 5e-3
        threads: 1
        log_every: 1
      \(train)
      """, "recipe.yaml")
  }

  private func log() throws -> [[String: Any]] {
    try String(contentsOfFile: folder("log"), encoding: .utf8).split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  @Test func theBestModelIsKept() throws {
    // The rate is so high that most epochs make it worse.
    let recipe = try tableRecipe(data: "  validation: 0.25", train: "  epochs: 12\n  patience: 4")
    let model = folder("m")
    let result = try CommandLineTool.run(
      "train", recipe, "--output", model, "--learning-rate", "0.3", "--log", folder("log"), "--seed", "3")
    #expect(result.status == 0, "\(result.errors)")
    let epochs = try log().filter { $0["validation_loss"] != nil }
    let losses = epochs.compactMap { $0["validation_loss"] as? Double }
    let best = try #require(losses.firstIndex(of: losses.min()!)) + 1
    #expect(result.output.contains("of epoch \(best), the best of \(losses.count)"), "\(result.output)")
    #expect(losses.count == 12 || losses.count == best + 4, "\(losses)")
    // The file is that model: it gives the held-out rows, which only the run knows, the same mean.
    #expect(epochs.filter { $0["best"] as? Bool == true }.last?["epoch"] as? Int == best)
    #expect(try Flow.open(model).session().score(SmallFlows.rows(4)).count == 4)
    #expect(result.errors.contains("300 rows of 5 dimensions, 100 for validation"))
  }

  @Test func heldOutRowsAreNotTrainedOn() throws {
    let (validation, test) = ("  validation: 0.2", "  test: 0.1")
    let both = try CommandLineTool.run(
      "train", tableRecipe(data: "\(validation)\n\(test)"), "--output", folder("m"), "--dry-run")
    #expect(both.errors.contains("280 rows of 5 dimensions, 80 for validation, 40 for the test"), "\(both.errors)")
  }

  @Test func oneClassAgainstTheOthers() throws {
    let recipe = try tableRecipe(data: "  class: 0\n  test: 0.2\n  out: others", train: "  epochs: 20")
    for (option, own) in [([], "0"), (["--class", "1"], "1")] {
      let result = try CommandLineTool.run(["train", recipe, "--output", folder("m")] + option)
      #expect(result.status == 0, "class \(own): \(result.errors)")
      #expect(result.errors.contains("160 rows of 5 dimensions, 40 for the test"), "\(result.errors)")
      let row = try #require(result.output.split(separator: "\n").first { $0.hasPrefix("others") }).split(separator: " ")
      #expect(row[1] == "200", "\(result.output)")
      #expect(try #require(Double(row[6])) > 0.6, "\(result.output)")
      #expect(result.output.contains("In-distribution is positive"))
    }
  }

  @Test func stoppedAndResumedKeepsItsBest() throws {
    #if DEBUG
      let epochs = 4
    #else
      let epochs = 200
    #endif
    let recipe = try imageRecipe(
      data: "  validation: 0.25\n  negative: \(images(40, seed: 7, "negative.npy"))",
      train: "  epochs: \(epochs)\n  average: 0.9\n  checkpoint_every: never\n  negative_floor: -1e3")
    #expect(try CommandLineTool.run("train", recipe, "--output", folder("straight")).status == 0)
    let process = CommandLineTool.process(["train", recipe, "--output", folder("stopped"), "--log", folder("log")])
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    // Past the first validation, which keeps a model.
    while process.isRunning, (try? Data(contentsOf: URL(fileURLWithPath: folder("log"))))?.count ?? 0 < 2000 { usleep(1000) }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    // The best model so far is part of the run.
    try FileManager.default.moveItem(atPath: folder("stopped"), toPath: folder("aside"))
    let lost = try CommandLineTool.run("train", recipe, "--output", folder("stopped"), "--resume")
    #expect(lost.status == 1 && lost.errors.contains("is gone, and with it the best model so far"), "\(lost.errors)")
    try FileManager.default.moveItem(atPath: folder("aside"), toPath: folder("stopped"))
    let resumed = try CommandLineTool.run("train", recipe, "--output", folder("stopped"), "--resume")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(FileManager.default.contentsEqual(atPath: folder("straight"), andPath: folder("stopped")))
  }

  @Test func aRunThatDivergesComesBackAndSaysSo() throws {
    let recipe = try tableRecipe(data: "  test: 0.2", train: "  epochs: 6\n  clip_norm: 0")
    let result = try CommandLineTool.run(
      "train", recipe, "--output", folder("m"), "--learning-rate", "10", "--log", folder("log"))
    #expect(result.status == 0, "\(result.errors)")
    let dropped = try log().filter { $0["skipped_at"] is String }
    #expect(!dropped.isEmpty)
    #expect(result.errors.split(separator: "\n").count { $0.contains("the update was dropped") } == dropped.count)
    #expect(result.errors.contains("\(dropped.count) of 96 steps were dropped and left no trace: "), "\(result.errors)")
    #expect(result.errors.contains("the learning rate ended at ") && result.output.contains("test: mean"), "\(result.errors)")
  }

  @Test func negativeSamplesArePushedAway() throws {
    try OutputFile.writeNPY((0..<30 * 64).map { UInt8($0 * 7 % 256) }, shape: [30, 8, 8], to: folder("n.npy"))
    let recipe = try imageRecipe(
      data: "  negative: \(folder("n.npy"))\n  test: \(images(20, seed: 2, "t.npy"))\n  out: [Noise=\(folder("n.npy"))]",
      train: "  epochs: 6\n  negative_floor: -2000")
    let result = try CommandLineTool.run("train", recipe, "--output", folder("m"), "--log", folder("log"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("30 negative") && result.errors.contains("6 batches of 16"), "\(result.errors)")
    let lines = try log()
    #expect(lines.count == 36 && lines[0]["negative_count"] as? Int == 16 && lines[0]["negative_mean"] is Double)
    let row = try #require(result.output.split(separator: "\n").first { $0.hasPrefix("Noise") }).split(separator: " ")
    #expect(try #require(Double(row[6])) > 0.9, "\(result.output)")
  }

  @Test func labelsChooseTheComponent() throws {
    let recipe = try folder.write(
      """
      data: {train: \(table(200)), test: 0.2}
      flow:
        preset: tabular
        couplings: 2
        hidden: 8
        layers: 1
        prior: {type: gaussian_mixture, components: 2}
      train: {epochs: 2, batch: 20, learning_rate: 1e-2, threads: 1}
      """, "classes.yaml")
    let result = try CommandLineTool.run("train", recipe, "--output", folder("m"))
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("% of 40 labelled test rows are most likely under their own class"), "\(result.output)")
    let few = try String(contentsOfFile: recipe, encoding: .utf8).replacing("components: 2", with: "components: 1")
    let refused = try CommandLineTool.run("train", folder.write(few, "few.yaml"), "--output", folder("m"))
    #expect(refused.status == 1, "\(refused.errors)")
    #expect(refused.errors.contains("has the label 1; the prior of 1 components takes 0 to 0"), "\(refused.errors)")
  }

  @Test func whatDoesNotBelongNeedsNoLabels() throws {
    try OutputFile.writeNPY(SmallFlows.rows(20), shape: [20, 5], to: folder("plain.npy"))
    let recipe = try tableRecipe(data: "  class: 0\n  test: 0.2\n  out: [others, Plain=\(folder("plain.npy"))]")
    let result = try CommandLineTool.run("train", recipe, "--output", folder("m"))
    #expect(result.status == 0 && result.output.contains("\nothers") && result.output.contains("\nPlain"), "\(result.errors)")
  }

  @Test(arguments: ["standard", "robust", "whiten"])
  func modelsDoNotDependOnHeldOutRows(_ scaling: String) throws {
    let path = try tableRecipe(data: "  test: 0.25")
    let recipe = try String(contentsOfFile: path, encoding: .utf8).replacing("layers: 1}", with: "layers: 1, scaling: \(scaling)}")
    let lines = try String(contentsOfFile: folder("table.csv"), encoding: .utf8).split(separator: "\n").map(String.init)
    // The split of a run of seed 0: the first quarter of this order is the test set.
    let order = EpochOrder(count: 400, seed: 0, epoch: -2).rows.map { Int($0) }
    func model(changing rows: some Sequence<Int>, _ name: String) throws -> Data {
      var changed = lines
      for row in rows { changed[row + 1] = "50,-60,70,80,90,1" }
      _ = try folder.write(changed.joined(separator: "\n") + "\n", "table.csv")
      let result = try CommandLineTool.run("train", folder.write(recipe, "scaled.yaml"), "--output", folder(name))
      #expect(result.status == 0, "\(result.errors)")
      return try Data(contentsOf: URL(fileURLWithPath: folder(name)))
    }
    let plain = try model(changing: [], "plain")
    #expect(try model(changing: order[..<100], "test") == plain)
    #expect(try model(changing: order[100...100], "train") != plain)
  }

  @Test func anotherRecipeDoesNotGoOn() throws {
    let recipe = try tableRecipe(data: "  validation: 0.25", train: "  epochs: 1000000")
    let text = try String(contentsOfFile: recipe, encoding: .utf8)
    let process = CommandLineTool.process(["train", try folder.write(text, "a recipe.yaml"), "--output", folder("m")])
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("", "err")))
    try process.run()
    while process.isRunning, !FileManager.default.fileExists(atPath: folder("m")) { usleep(1000) }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)
    let errors = try String(contentsOfFile: folder("err"), encoding: .utf8)
    #expect(errors.contains("go on with: weir train '\(folder("a recipe.yaml"))' --output \(folder("m")) --resume"), "\(errors)")
    for (change, difference) in [
      ("hidden: 9", "flow is ..."), ("hidden: 8, scaling: robust", "flow.scaling is standard there and robust here"),
    ] {
      let other = try folder.write(text.replacing("hidden: 8", with: change), "other.yaml")
      let result = try CommandLineTool.run("train", other, "--output", folder("m"), "--resume")
      #expect(result.status == 1 && result.errors.contains(difference), "\(result.errors)")
      #expect(result.errors.utf8.count < 1000, "\(result.errors)")
    }
    let statistics = try folder.write(text + "\n  batch_norm_reestimate: 7\n", "other.yaml")
    let result = try CommandLineTool.run("train", statistics, "--output", folder("m"), "--resume")
    #expect(result.status == 1 && result.errors.contains("train.batch_norm_reestimate is 10000 there"), "\(result.errors)")
    // As a power cut leaves it before the first checkpoint.
    try FileManager.default.removeItem(atPath: folder("m.checkpoint"))
    let cut = try CommandLineTool.run("train", recipe, "--output", folder("m"), "--resume")
    #expect(cut.status == 1 && cut.errors.contains("cut off before its first checkpoint"), "\(cut.errors)")
  }
}
