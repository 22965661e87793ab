/// An array in an .npz archive: `archive.npz:member`.
struct NPZPath: Equatable {
  /// The archive's file.
  let archive: String
  /// The array's name; nil when the archive holds no other.
  let member: String?

  init(archive: String, member: String? = nil) {
    self.archive = archive
    self.member = member
  }

  /// nil for a path without `.npz:` and a name after it.
  init?(_ path: String) {
    guard let colon = path.ranges(of: ".npz:").last, colon.upperBound < path.endIndex else { return nil }
    archive = String(path[..<path.index(before: colon.upperBound)])
    member = String(path[colon.upperBound...])
  }

  /// As it is written on a command line.
  var text: String { member.map { "\(archive):\($0)" } ?? archive }
}
