import Foundation
import Testing
import Weir
import WeirData

@Suite struct SessionMemoryTests {
  /// In a process that may not have the memory a session asks for: an error, not an end.
  @Test func noMemoryIsAnError() throws {
    let folder = try TemporaryFolder()
    let spec = FlowSpec(dims: 1 << 20) { Reverse() }
    var header = Array("{\"__metadata__\":{\"weir\":\"\(spec.json.replacing("\"", with: "\\\""))\"}}".utf8)
    header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
    let model = try folder.write((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header, "m.safetensors")
    try OutputFile.writeNPY([Float](repeating: 0, count: 1 << 20), shape: [1, 1 << 20], to: folder("row.npy"))
    #expect(try Flow.open(model).sessionBytes(batch: 64, threads: 1024) > 256 << 30)

    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let command = "ulimit -v \(64 << 20) && exec \"$0\" score \"$1\" \"$2\" --threads 1024 --batch 64"
    process.arguments = ["-c", command, CommandLineTool.path, model, folder("row.npy")]
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.write("", "errors")))
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 1)
    let errors = try String(contentsOfFile: folder("errors"), encoding: .utf8)
    #expect(errors.contains("there is no memory for") && errors.contains("lower the batch or the threads"), "\(errors)")
  }
}
