import CZlib
import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file read front to back; gzip is undone on the way, anything else comes as it is.
final class ByteReader: ByteSource {
  let path: String
  private let file: gzFile

  /// - Throws: `WeirError.Code.io` for what can't be opened or is no regular file.
  init(_ path: String) throws(WeirError) {
    guard !path.isEmpty else { throw WeirError(.argument, where: "input", "has an empty path; name a file or a folder") }
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw WeirError(.io, where: path, "can't be opened (\(String(cString: strerror(errno)))); check the path")
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw WeirError(.unsupported, where: path, "is a folder; give a file")
    }
    guard let file = gzopen(path, "rb") else {
      throw WeirError(.io, where: path, "can't be opened (\(String(cString: strerror(errno)))); check its permissions")
    }
    gzbuffer(file, 1 << 17)
    self.path = path
    self.file = file
  }

  deinit { gzclose(file) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(WeirError) -> Int {
    var done = 0
    while done < buffer.count {
      let piece = min(buffer.count - done, 1 << 20)
      let count = gzread(file, buffer.baseAddress! + done, UInt32(piece))
      if count < 0 { throw failure() }
      if count == 0 { break }
      done += Int(count)
    }
    // A gzip stream cut short gives its last bytes first and the error afterwards.
    if done < buffer.count {
      var code: Int32 = Z_OK
      _ = gzerror(file, &code)
      if code != Z_OK && code != Z_STREAM_END { throw failure() }
    }
    return done
  }

  private func failure() -> WeirError {
    var code: Int32 = 0
    let text = String(cString: gzerror(file, &code))
    if code == Z_ERRNO { return WeirError(.io, where: path, "can't be read (\(String(cString: strerror(errno))))") }
    return WeirError(.format, where: path, "is a damaged gzip file (\(text)); get it again")
  }
}
