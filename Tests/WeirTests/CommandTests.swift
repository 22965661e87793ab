import Foundation
import Testing
import Weir
import WeirData

@Suite(.serialized) struct CommandTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func images(_ count: Int, seed: UInt64, _ name: String) throws -> String {
    try OutputFile.writeNPY(SmallFlows.pictures(count, seed: seed), shape: [count, 8, 8], to: folder(name))
    return folder(name)
  }

  private func recipe(epochs: Int, _ more: String = "") throws -> String {
    let text = """
      data:
        train: \(try images(96, seed: 1, "train.npy"))
        test: \(try images(20, seed: 2, "test.npy"))
      flow: {preset: realnvp, scales: 2, channels: 4, blocks: 1}
      train:
        epochs: \(epochs)
        batch: 16
        learning_rate: 1e-3
        threads: 1
        log_every: 1
      \(more)
      """
    return try folder.write(text, "recipe.yaml")
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test func theWholeWay() throws {
    let model = folder("m.safetensors")
    let training = try CommandLineTool.run("train", recipe(epochs: 2), "--output", model, "--log", folder("log"))
    #expect(training.status == 0, "\(training.errors)")
    #expect(training.output.contains("wrote \(model)") && training.output.contains("test: mean"))
    let log = try String(contentsOfFile: folder("log"), encoding: .utf8).split(separator: "\n")
    #expect(log.count == 12)
    #expect(try json(String(log[11]))["step"] as? Int == 12)
    #expect(!FileManager.default.fileExists(atPath: model + ".checkpoint"))

    let test = folder("test.npy")
    let printed = try CommandLineTool.run("score", model, test)
    let expected = try Flow.open(model).session().score(SmallFlows.pictures(20, seed: 2))
    #expect(printed.output.split(separator: "\n").map { Double($0) } == expected)
    #expect(try CommandLineTool.run("score", model, test, "--output", folder("s.npy"), "--batch", "3").status == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder("s.npy"))).suffix(160) == expected.withUnsafeBytes { Data($0) })
    #expect(try CommandLineTool.run("score", model, test, "--output", folder("s.csv")).status == 0)
    #expect(try String(contentsOfFile: folder("s.csv"), encoding: .utf8).hasPrefix("index,log_likelihood,bits_per_dim\n0,-"))

    let rounded = try Flow.open(model).session(precision: .bf16).score(SmallFlows.pictures(20, seed: 2))
    let inBf16 = try CommandLineTool.run("score", model, test, "--precision", "bf16")
    #expect(rounded != expected && inBf16.output.split(separator: "\n").map { Double($0) } == rounded)

    let noise = try images(15, seed: 9, "other.npy")
    let table = try CommandLineTool.run("evaluate", model, "--in", "Own=\(test)", "--out", "Other=\(noise)")
    #expect(table.output.contains("Other") && table.output.contains("In-distribution is positive,"))
    let document = try json(CommandLineTool.run("evaluate", model, "--in", test, "--out", noise, "--json").output)
    let others = try #require(document["out"] as? [[String: Any]])
    #expect(others[0]["count"] as? Int == 15 && others[0]["auroc"] is Double)
    let evaluated = try json(
      CommandLineTool.run("evaluate", model, "--in", test, "--out", noise, "--json", "--precision", "bf16").output)
    let own = try #require(evaluated["in"] as? [String: Any])
    let mean = try Flow.open(model).info.bitsPerDimension(rounded.reduce(0, +) / 20)
    #expect(abs(try #require(own["mean"] as? Double) - mean) < 1e-9)

    #expect(try CommandLineTool.run("sample", model, "--count", "5", "--output", folder("s.png")).status == 0)
    #expect(try CommandLineTool.run("sample", model, "--count", "5", "--output", folder("x.npy")).status == 0)
    #expect(try InputFile.read(folder("x.npy")).shape == [5, 8, 8])
    let inspected = try CommandLineTool.run("inspect", model).output
    #expect(inspected.contains("checkerboard") && inspected.contains("prior           standard normal"))
    #expect(try json(CommandLineTool.run("inspect", model, "--json").output)["dims"] as? Int == 64)
  }

  @Test func interruptedAndResumedIsTheSameModel() throws {
    // Long enough to be interrupted on the way, at either build's speed.
    #if DEBUG
      let epochs = 8
    #else
      let epochs = 300
    #endif
    let recipe = try recipe(epochs: epochs, "  checkpoint_every: never")
    #expect(try CommandLineTool.run("train", recipe, "--output", folder("straight")).status == 0)
    let process = CommandLineTool.process(["train", recipe, "--output", folder("stopped"), "--log", folder("log")])
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    // A few lines of the log: training is under way.
    while process.isRunning, (try? Data(contentsOf: URL(fileURLWithPath: folder("log"))))?.count ?? 0 < 1000 { usleep(1000) }
    process.interrupt()
    process.waitUntilExit()
    #expect(process.terminationStatus == 130)

    let again = try CommandLineTool.run("train", recipe, "--output", folder("stopped"))
    #expect(again.status == 1 && again.errors.contains("add --resume"))
    let different = try CommandLineTool.run("train", recipe, "--output", folder("stopped"), "--resume", "--seed", "3")
    #expect(different.status == 1 && different.errors.contains("train.seed is 0 there and 3 here"))
    let resumed = try CommandLineTool.run("train", recipe, "--output", folder("stopped"), "--resume")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.errors.contains("going on after"))
    #expect(FileManager.default.contentsEqual(atPath: folder("straight"), andPath: folder("stopped")))
  }

  @Test func tables() throws {
    try OutputFile.writeNPY(SmallFlows.rows(200).map { $0 * 100 + 1000 }, shape: [200, 5], to: folder("rows.npy"))
    let text = "data: {train: \(folder("rows.npy"))}\nflow: {preset: tabular, couplings: 2, hidden: 8, layers: 1}\n"
    let recipe = try folder.write(text + "train: {epochs: 3, batch: 50, learning_rate: 1e-3}\n", "table.yaml")
    let training = try CommandLineTool.run("train", recipe, "--output", folder("t"))
    #expect(training.status == 0, "\(training.errors)")
    let scores = try CommandLineTool.run("score", folder("t"), folder("rows.npy")).output.split(separator: "\n")
    #expect(scores.count == 200 && scores.allSatisfy { Double($0)!.isFinite })
    let picture = try CommandLineTool.run("sample", folder("t"), "--count", "2", "--output", folder("t.png"))
    #expect(picture.status == 1 && picture.errors.contains(".npy"))
  }

  @Test func inspectTellsMemory() throws {
    let model = try SmallFlows.trainedImageModel(in: folder)
    let flow = try Flow.open(model)
    let options = ["--batch", "3,40", "--threads", "2", "--precision", "bf16"]
    let told = try json(CommandLineTool.run(["inspect", model, "--json"] + options).output)
    #expect(told["model_bytes"] as? Int == flow.info.modelBytes)
    let opening = try #require(told["opening_bytes"] as? Int)
    #expect(opening > flow.info.modelBytes)
    let sessions = [3, 40].map { ("batch_\($0)", try! flow.sessionBytes(batch: $0, threads: 2, precision: .bf16)) }
    #expect(told["session_bytes"] as? [String: Int] == Dictionary(uniqueKeysWithValues: sessions))
    #expect(told["session_threads"] as? Int == 2 && told["session_precision"] as? String == "bf16")
    let text = try CommandLineTool.run(["inspect", model] + options).output
    #expect(text.contains("while it opens") && text.contains("for batch 40, on 2 threads, in bf16"))
    for wrong in [["--threads", "0"], ["--batch", "1,1"], ["--plan", "--threads", "2"]] {
      #expect(try CommandLineTool.run(["inspect", model] + wrong).status == 2)
    }
  }

  @Test func mistakesEndWithOneLine() throws {
    let missing = try CommandLineTool.run("score", folder("none"), folder("none"))
    #expect(missing.status == 1 && missing.errors.split(separator: "\n").count == 1 && missing.errors.contains("none"))
    #expect(try CommandLineTool.run("score", "m", "i", "--output", "x.txt").status == 2)
    #expect(try CommandLineTool.run("score", "m", "i", "--noise", "loud").status == 2)
    #expect(try CommandLineTool.run("score", "m", "i", "--precision", "f16").status == 2)
    #expect(try CommandLineTool.run("evaluate", "m", "--in", "i", "--out", "o", "--precision", "int8").status == 2)
    #expect(try CommandLineTool.run("sample", "m", "--count", "0", "--output", "x.png").status == 2)
    #expect(try CommandLineTool.run("evaluate", "m", "--in", "i").status == 2)
    #expect(try CommandLineTool.run("calibrate").status == 2)
    #expect(try CommandLineTool.run("--help").status == 0)
    let model = try SmallFlows.trainedImageModel(in: folder)
    try OutputFile.writeNPY([UInt8](repeating: 0, count: 70), shape: [1, 7, 10], to: folder("w.npy"))
    let shape = try CommandLineTool.run("score", model, folder("w.npy"))
    #expect(shape.status == 1 && shape.errors.contains("[1, 7, 10]; the model wants [n, 1, 8, 8]"))
    let lost = try CommandLineTool.run("train", recipe(epochs: 1), "--output", folder("no/m"))
    #expect(lost.status == 1 && lost.errors.contains("not a folder that you may write to"))
    let odd = try folder.write(
      String(contentsOfFile: recipe(epochs: 1), encoding: .utf8).replacing("scales: 2", with: "scales: 9"), "odd.yaml")
    let scales = try CommandLineTool.run("train", odd, "--output", folder("m"))
    #expect(scales.status == 1 && scales.errors.contains("flow.scales: is 9, but scale 4"), "\(scales.errors)")
    let inputIsModel = try CommandLineTool.run("score", model, model)
    #expect(inputIsModel.status == 1 && inputIsModel.errors.contains("a model, not data"))
  }
}
