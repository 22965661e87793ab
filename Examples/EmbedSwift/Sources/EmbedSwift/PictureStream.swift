import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whole pictures from standard input, as many at a time as have come: a slow stream waits for no batch, and a fast one fills it.
struct PictureStream {
  /// The pictures that `next` counted, and then the beginning of another.
  private(set) var pixels: [UInt8]
  private let dims: Int
  private var given = 0
  private var held = 0

  init(batch: Int, dims: Int) {
    pixels = [UInt8](repeating: 0, count: batch * dims)
    self.dims = dims
  }

  /// Waits for pictures, puts them where the last ones were, and gives their number; 0 at the end of the stream.
  mutating func next() throws(WeirError) -> Int {
    held -= given
    pixels.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      start.copyMemory(from: start + given, byteCount: held)
    }
    repeat {
      let count = pixels.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress! + held, $0.count - held) }
      if count < 0 { throw WeirError(.io, where: "standard input", "can't be read: error \(errno)") }
      if count == 0, held == 0 { return 0 }
      if count == 0 { throw WeirError(.shape, where: "standard input", "\(held) bytes are left; a picture has \(dims)") }
      held += count
    } while held < dims
    given = held / dims * dims
    return held / dims
  }
}
