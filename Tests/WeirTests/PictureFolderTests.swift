import CTurboJPEG
import Foundation
import Testing
import WeirData

@Suite struct PictureFolderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func picture(_ bytes: [UInt8], _ name: String) throws {
    let path = URL(fileURLWithPath: folder(name))
    try FileManager.default.createDirectory(at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: path)
  }

  private func grey(_ values: [UInt8], width: Int = 2) -> [UInt8] {
    FileBytes.png(width: width, height: values.count / width, colour: 0, values)
  }

  private func jpeg(_ pixels: [UInt8], width: Int, height: Int, _ format: TJPF, _ sampling: TJSAMP) throws -> [UInt8] {
    let encoder = try #require(tjInitCompress())
    defer { tjDestroy(encoder) }
    var bytes: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    let status = tjCompress2(
      encoder, pixels, Int32(width), 0, Int32(height), Int32(format.rawValue), &bytes, &size, Int32(sampling.rawValue), 100, 0)
    #expect(status == 0)
    defer { tjFree(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(size)))
  }

  private func read(_ labels: LabelSource = .ignored, resize: PictureSize? = nil) throws -> LabelledSamples {
    var options = ReadingOptions()
    options.labels = labels
    options.resize = resize
    return try InputFile.samples(LabelledInput(folder.path), options)
  }

  private func pixels(_ array: DataArray) -> [UInt8] {
    guard case .uint8(let values) = array.storage else { return [] }
    return values
  }

  @Test func sortedByName() throws {
    try picture(grey([5, 6, 7, 8]), "b.PNG")
    try picture(grey([1, 2, 3, 4]), "a.png")
    try picture([1, 2, 3], "notes.txt")
    try picture([1, 2, 3], ".hidden.png")
    let samples = try read(.ifAny)
    #expect(samples.array.shape == [2, 2, 2] && pixels(samples.array) == [1, 2, 3, 4, 5, 6, 7, 8] && samples.labels == nil)
    #expect(try InputFile.read(folder.path + "/").shape == [2, 2, 2])
    expectError(.argument, "has no class folders") { try read(.beside) }
  }

  @Test func classFolders() throws {
    try picture(grey([1, 2, 3, 4]), "dog/1.png")
    try picture(grey([5, 6, 7, 8]), "cat/1.png")
    try picture(grey([9, 9, 9, 9]), "cat/2.png")
    let samples = try read(.beside)
    #expect(samples.labels?.values == [0, 0, 1] && samples.labels?.names == ["cat", "dog"])
    #expect(pixels(samples.array).prefix(4) == [5, 6, 7, 8])
    #expect(try samples.selecting(classes: [1]).rows == [2])
    expectError(.argument, "no sample of class 2; its labels are 0 (cat), 1 (dog)") { try samples.selecting(classes: [2]) }
    try picture(grey([1, 2, 3, 4]), "top.png")
    expectError(.unsupported, "pictures and folders of pictures (cat)") { try read() }
  }

  @Test func everyKindOfPNG() throws {
    let rgb: [UInt8] = [255, 0, 0, 0, 255, 0]
    try picture(FileBytes.png(width: 2, height: 1, colour: 2, rgb), "a.png")
    try picture(FileBytes.png(width: 2, height: 1, colour: 3, [1, 0], chunks: [("PLTE", [0, 255, 0, 255, 0, 0])]), "b.png")
    try picture(FileBytes.png(width: 2, height: 1, colour: 6, [255, 0, 0, 255, 0, 255, 0, 255]), "c.png")
    let array = try read().array
    #expect(array.shape == [3, 1, 2, 3] && pixels(array) == rgb + rgb + rgb)
  }

  @Test func valuesAreTheFilesOwn() throws {
    // A gamma of 1 would have libpng brighten the picture.
    try picture(FileBytes.png(width: 2, height: 1, colour: 0, [10, 100], chunks: [("gAMA", [0, 1, 0x86, 0xa0])]), "a.png")
    try picture(FileBytes.png(width: 2, height: 1, bits: 1, colour: 0, [0b0100_0000]), "b.png")
    try picture(FileBytes.png(width: 2, height: 1, colour: 4, [7, 255, 9, 255]), "c.png")
    #expect(try pixels(read().array) == [10, 100, 0, 255, 7, 9])
  }

  @Test func jpegs() throws {
    let flat = [UInt8](repeating: 90, count: 16 * 16)
    try picture(jpeg(flat, width: 16, height: 16, TJPF_GRAY, TJSAMP_GRAY), "a.jpg")
    try picture(jpeg([UInt8](repeating: 30, count: 16 * 16), width: 16, height: 16, TJPF_GRAY, TJSAMP_GRAY), "b.JPEG")
    let array = try read().array
    #expect(array.shape == [2, 16, 16] && pixels(array) == flat + flat.map { _ in 30 })
    try picture(jpeg((0..<768).map { [200, 40, 90][$0 % 3] }, width: 16, height: 16, TJPF_RGB, TJSAMP_420), "b.JPEG")
    expectError(.shape, "b.JPEG: is RGB, and ") { try read() }
    try FileManager.default.removeItem(atPath: folder("a.jpg"))
    let colours = try pixels(read().array)
    #expect(zip(colours, (0..<768).map { [200, 40, 90][$0 % 3] }).allSatisfy { abs(Int($0) - $1) <= 2 })
    try picture(jpeg([UInt8](repeating: 9, count: 1024), width: 16, height: 16, TJPF_CMYK, TJSAMP_444), "b.JPEG")
    expectError(.unsupported, "b.JPEG: has CMYK colours") { try read() }
  }

  @Test func brokenPicturesNameThemselves() throws {
    try picture(grey([1, 2, 3, 4]), "a.png")
    let whole = grey([5, 6, 7, 8])
    for length in 0..<whole.count {
      try picture(Array(whole.prefix(length)), "b.png")
      expectError(.format, "b.png: is ") { try read() }
    }
    // Signature, header and pixels are under checksums; the end chunk's name must be right.
    for index in 8..<whole.count - 12 {
      var bytes = whole
      bytes[index] ^= 0x04
      try picture(bytes, "b.png")
      #expect(throws: (any Error).self, "\(index)") { try read() }
    }
    let photo = try jpeg([UInt8](repeating: 90, count: 64), width: 8, height: 8, TJPF_GRAY, TJSAMP_GRAY)
    for length in stride(from: 0, to: photo.count - 2, by: 7) {
      try picture(Array(photo.prefix(length)), "b.png")
      expectError(.format, "b.png: is ") { try read() }
    }
  }

  @Test func whatIsNotRead() throws {
    expectError(.unsupported, "is a folder without PNG or JPEG pictures") { try read() }
    try picture(FileBytes.png(width: 1, height: 1, bits: 16, colour: 0, [1, 2]), "a.png")
    expectError(.unsupported, "a.png: has 16 bits a channel; save it with 8") { try read() }
    try picture(FileBytes.png(width: 1, height: 1, colour: 4, [1, 200]), "a.png")
    expectError(.unsupported, "a.png: has transparent pixels") { try read() }
    var large = FileBytes.png(width: 1, height: 1, colour: 0, [1])
    let size = Array("IHDR".utf8) + FileBytes.big(60000, 4) + FileBytes.big(60000, 4) + [8, 0, 0, 0, 0]
    large.replaceSubrange(12..<33, with: size + FileBytes.big(Int(FileBytes.crc32(size)), 4))
    try picture(large, "a.png")
    expectError(.unsupported, "claims 60000 x 60000 pixels") { try read() }
    try picture([1], "a.bmp")
    expectError(.unsupported, "a.bmp: is a picture that can't be read; convert it to PNG") { try read() }
    try FileManager.default.removeItem(atPath: folder("a.bmp"))
    try FileManager.default.removeItem(atPath: folder("a.png"))
    try picture(grey([1, 2]), "letters/a/1.png")
    expectError(.unsupported, "letters: holds folders") { try read() }
  }

  @Test func sizesMustAgreeOrBeAskedFor() throws {
    try picture(grey([1, 2, 3, 4]), "a.png")
    try picture(grey([5, 6, 7, 8, 9, 10]), "b.png")
    expectError(.shape, "b.png: is 3x2 (height, width), and ") { try read() }
    expectError(.shape, "(--resize 2,2, data.resize)") { try read() }
    #expect(try read(resize: PictureSize(height: 4, width: 3)).array.shape == [2, 4, 3])
    let file = try folder.write(FileBytes.npy("|u1", "(1, 2)", [1, 2]), "x.npy")
    var options = ReadingOptions()
    options.resize = PictureSize(height: 1, width: 1)
    expectError(.argument, "not a folder of pictures") { try InputFile.samples(LabelledInput(file), options) }
  }

  @Test func resizing() throws {
    var image = PixelImage(width: 4, height: 2, channels: 1)
    image.pixels = [0, 10, 20, 30, 40, 50, 60, 70]
    // Area averaging: means of 2 x 2, and of one and a third pixels.
    #expect(image.resized(to: PictureSize(height: 1, width: 2)!).pixels == [25, 45])
    #expect(image.resized(to: PictureSize(height: 2, width: 3)!).pixels == [3, 15, 28, 43, 55, 68])
    // Bilinear: new centres lie at -0.25, 0.25, 0.75, 1.25 of the old rows.
    #expect(image.resized(to: PictureSize(height: 4, width: 1)!).pixels == [15, 25, 45, 55])
    #expect(image.resized(to: PictureSize(height: 2, width: 4)!) == image)
    var colours = PixelImage(width: 2, height: 1, channels: 3)
    colours.pixels = [0, 100, 200, 50, 150, 250]
    #expect(colours.resized(to: PictureSize(height: 1, width: 1)!).pixels == [25, 125, 225])
    #expect(PictureSize(height: 0, width: 1) == nil && PictureSize(height: 1, width: 1 << 15) == nil)
  }
}
