import CZip
import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A zip archive as numpy.savez writes it: every member an array, NAME.npy.
final class ZipArchive {
  let path: String
  private let archive: OpaquePointer
  /// Names of the arrays, without their ending.
  let arrays: [String]

  private static let ending = ".npy"

  /// - Throws: `WeirError.Code.io` for what can't be opened, `format` for what is no zip archive.
  init(_ path: String) throws(WeirError) {
    var code: Int32 = 0
    guard let archive = zip_open(path, ZIP_RDONLY, &code) else { throw Self.failure(path, code) }
    self.path = path
    self.archive = archive
    let count = min(max(0, zip_get_num_entries(archive, 0)), 1 << 16)
    arrays = (0..<count).compactMap { index in
      let name = zip_get_name(archive, zip_uint64_t(index), 0).map { String(cString: $0) }
      return name.flatMap { $0.hasSuffix(Self.ending) ? String($0.dropLast(Self.ending.count)) : nil }
    }
  }

  deinit { zip_discard(archive) }

  /// Opens an array; its bytes are those of a .npy file.
  ///
  /// - Throws: `WeirError.Code.argument` for a name that isn't there, `unsupported` for what can't be unpacked, `format` for lies.
  func open(_ name: String) throws(WeirError) -> ZipMember {
    let place = "\(path):\(name)"
    var status = zip_stat_t()
    zip_stat_init(&status)
    guard zip_stat(archive, name + Self.ending, 0, &status) == 0 else {
      throw WeirError(.argument, where: path, "has no array \"\(name)\"; it has \(listing)")
    }
    guard status.encryption_method == ZIP_EM_NONE else {
      throw WeirError(.unsupported, where: place, "is encrypted; save it with numpy.savez")
    }
    guard Int32(status.comp_method) == ZIP_CM_STORE || Int32(status.comp_method) == ZIP_CM_DEFLATE else {
      throw WeirError(
        .unsupported, where: place, "is packed by method \(status.comp_method); save it with numpy.savez or numpy.savez_compressed")
    }
    // Deflate packs 1032 to 1 at the most, so a larger size is a lie, or a bomb.
    guard status.size / 1032 <= status.comp_size else {
      throw WeirError(.format, where: place, "claims \(status.size) bytes unpacked from \(status.comp_size), which can't be right")
    }
    guard let file = zip_fopen_index(archive, status.index, 0) else {
      throw WeirError(.format, where: place, "can't be unpacked (\(String(cString: zip_strerror(archive)))); get the archive again")
    }
    return ZipMember(file, in: self, path: place)
  }

  /// The names of the arrays, for error messages.
  var listing: String {
    guard !arrays.isEmpty else { return "none" }
    return arrays.prefix(20).joined(separator: ", ") + (arrays.count > 20 ? " and \(arrays.count - 20) more" : "")
  }

  private static func failure(_ path: String, _ code: Int32) -> WeirError {
    var error = zip_error_t()
    zip_error_init_with_code(&error, code)
    defer { zip_error_fini(&error) }
    let reason = String(cString: zip_error_strerror(&error))
    if code == ZIP_ER_NOENT || code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_SEEK {
      return WeirError(.io, where: path, "can't be opened (\(reason)); check the path")
    }
    return WeirError(.format, where: path, "is a damaged .npz archive (\(reason)); get it again")
  }
}

/// A member of an archive as it is unpacked; libzip checks its CRC at its end.
final class ZipMember: ByteSource {
  let path: String
  private let file: OpaquePointer
  /// Kept open for as long as the member is read.
  private let archive: ZipArchive

  init(_ file: OpaquePointer, in archive: ZipArchive, path: String) {
    self.file = file
    self.archive = archive
    self.path = path
  }

  deinit { zip_fclose(file) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(WeirError) -> Int {
    var done = 0
    while done < buffer.count {
      let count = zip_fread(file, buffer.baseAddress! + done, zip_uint64_t(buffer.count - done))
      guard count >= 0 else {
        let reason = String(cString: zip_error_strerror(zip_file_get_error(file)))
        throw WeirError(.format, where: path, "is damaged (\(reason)); get the archive again")
      }
      if count == 0 { break }
      done += Int(count)
    }
    return done
  }
}

extension InputFile {
  /// An array of an .npz archive; the only one where none is named.
  static func readNPZ(_ path: NPZPath) throws(WeirError) -> DataArray {
    let archive = try ZipArchive(path.archive)
    guard let name = path.member ?? (archive.arrays.count == 1 ? archive.arrays[0] : nil) else {
      let remedy = archive.arrays.isEmpty ? "save some with numpy.savez" : "name one, as in \(path.archive):\(archive.arrays[0])"
      throw WeirError(.argument, where: path.archive, "has the arrays \(archive.listing); \(remedy)")
    }
    let member = try archive.open(name)
    let magic = try member.read(4)
    guard magic == [0x93] + Array("NUM".utf8) else {
      throw WeirError(.format, where: member.path, "is no .npy array; save it with numpy.savez")
    }
    return try readNPY(member)
  }
}
