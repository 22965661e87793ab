import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files written whole or not at all: beside their place first, then renamed over it.
public enum OutputFile {
  /// Writes the pieces one after the other.
  ///
  /// - Throws: `WeirError.Code.io`; then `path` is as it was.
  public static func write(_ pieces: [UnsafeRawBufferPointer], to path: String) throws(WeirError) {
    let temporary = "\(path).\(getpid()).partial"
    guard let file = fopen(temporary, "wb") else { throw failure(path) }
    var written = true
    for piece in pieces where piece.count > 0 {
      written = written && fwrite(piece.baseAddress, 1, piece.count, file) == piece.count
    }
    written = fflush(file) == 0 && written
    written = fsync(fileno(file)) == 0 && written
    let reason = errno
    fclose(file)
    guard written, rename(temporary, path) == 0 else {
      let error = written ? errno : reason
      unlink(temporary)
      errno = error
      throw failure(path)
    }
  }

  /// Writes text as UTF-8.
  ///
  /// - Throws: `WeirError.Code.io`; then `path` is as it was.
  public static func write(text: String, to path: String) throws(WeirError) {
    let bytes = Array(text.utf8)
    try bytes.withUnsafeBufferPointer { buffer throws(WeirError) in try write([UnsafeRawBufferPointer(buffer)], to: path) }
  }

  private static func failure(_ path: String) -> WeirError {
    WeirError(.io, where: path, "can't be written (\(String(cString: strerror(errno)))); check the folder")
  }
}
