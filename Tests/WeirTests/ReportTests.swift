import Foundation
import Testing
import WeirData
import WeirReport

@Suite struct ReportTests {
  @Test func numbers() {
    #expect(NumberText.fixed(3.14159, 3) == "3.142")
    #expect(NumberText.fixed(-.infinity, 2) == "-inf")
    #expect(NumberText.grouped(1_234_567) == "1,234,567")
    #expect(NumberText.grouped(-999) == "-999")
    #expect(NumberText.counted(1, "epoch") == "1 epoch" && NumberText.counted(2000, "batch", "batches") == "2,000 batches")
    #expect(NumberText.bytes(1536) == "1.5 KiB")
    #expect(NumberText.flops(7.4e9) == "7.4 GFLOP")
    #expect([5, 65, 3700].map { NumberText.duration($0) } == ["5s", "1m 05s", "1h 01m"])
    #expect([1.2345, 0.0123, 0.2, 4.56e-5].map { NumberText.interval($0) } == ["1.234 s", "12.300 ms", "200.0 ms", "45.6 µs"])
    #expect(NumberText.percent(0.1234) == "12.3 %")
  }

  @Test func tables() {
    var table = TextTable(header: ["set", "n"])
    table.add(["long name", "1"])
    table.add(["b", "1,000"])
    #expect(table.text == "set            n\n----------------\nlong name      1\nb          1,000")
  }

  @Test func grids() throws {
    let grid = try PixelImage.grid(of: [0, 255, 300, -4, .nan, 127.5, 10, 20], shape: [1, 1, 2], columns: 2)
    #expect(grid.width == 6 && grid.height == 4)
    #expect(Array(grid.pixels[0..<6]) == [0, 255, 128, 128, 255, 0])
    #expect(Array(grid.pixels[18..<24]) == [0, 128, 128, 128, 10, 20])
    let colour = try PixelImage.grid(of: [1, 2, 3, 4, 5, 6], shape: [3, 1, 2])
    #expect(colour.pixels == [1, 3, 5, 2, 4, 6])
    expectError(.unsupported, "1 or 3") { try PixelImage.grid(of: [1, 2], shape: [2, 1, 1]) }
  }

  @Test func pictures() throws {
    let folder = try TemporaryFolder()
    for channels in [1, 3] {
      var image = PixelImage(width: 5, height: 3, channels: channels, filledWith: 200)
      image.pixels[0] = 1
      try image.writePNG(to: folder("a.png"))
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder("a.png")))
      #expect(Array(bytes.prefix(8)) == [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
      // Width, height, depth and colour type (0 grey, 2 RGB) of the header.
      #expect(Array(bytes[16..<26]) == [0, 0, 0, 5, 0, 0, 0, 3, 8, channels == 1 ? 0 : 2])
    }
    expectError(.io, "check the folder") { try PixelImage(width: 1, height: 1, channels: 1).writePNG(to: folder("no/a.png")) }
  }
}
