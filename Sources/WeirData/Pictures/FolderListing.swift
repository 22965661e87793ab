import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a folder holds, sorted by name; names that begin with a point are left out.
struct FolderListing {
  private(set) var files: [String] = []
  private(set) var folders: [String] = []

  /// - Throws: `WeirError.Code.io` when the folder can't be read.
  init(_ path: String) throws(WeirError) {
    guard let directory = opendir(path) else {
      throw WeirError(.io, where: path, "can't be read (\(String(cString: strerror(errno)))); check its permissions")
    }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: tuple.pointee)) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      var status = stat()
      guard stat("\(path)/\(name)", &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR { folders.append(name) } else { files.append(name) }
    }
    files.sort()
    folders.sort()
  }
}
