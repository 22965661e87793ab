import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A JSON-lines file: one object a line, written at once so that it can be followed.
final class TrainingLog {
  private let file: UnsafeMutablePointer<FILE>

  /// Opens `path`, to add to it when the run continues one.
  ///
  /// - Throws: `WeirError.Code.io`.
  init(_ path: String, adding: Bool) throws(WeirError) {
    guard let file = fopen(path, adding ? "a" : "w") else {
      throw WeirError(.io, where: path, "can't be written (\(String(cString: strerror(errno)))); check the folder")
    }
    self.file = file
  }

  deinit { fclose(file) }

  func write(_ object: JSONText) {
    fputs(object.text + "\n", file)
    fflush(file)
  }
}
