import Foundation
import Testing

/// Runs the built `weir` beside the test bundle.
struct CommandLineTool {
  struct Result {
    let status: Int32
    let output: String
    let errors: String
  }

  /// The products' folder holds this test's executable, or the bundle that does.
  static let path: String = {
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    for _ in 0..<5 {
      let candidate = folder.appendingPathComponent("weir").path
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue { return candidate }
      folder.deleteLastPathComponent()
    }
    return ProcessInfo.processInfo.environment["WEIR_CLI"] ?? "weir"
  }()

  static func process(_ arguments: [String]) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    return process
  }

  static func run(_ arguments: String...) throws -> Result { try run(arguments) }

  static func run(_ arguments: [String]) throws -> Result {
    let folder = try TemporaryFolder()
    let process = process(arguments)
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("", "out")))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("", "err")))
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: try String(contentsOfFile: folder("out"), encoding: .utf8),
      errors: try String(contentsOfFile: folder("err"), encoding: .utf8))
  }
}
