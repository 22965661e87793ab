import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Refuses an output whose folder isn't there or can't be written to, before the work whose result it would be.
func checkFolder(of output: String) throws(WeirError) {
  let folder = output.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
  let place = output.contains("/") ? (folder.isEmpty ? "/" : folder) : "."
  guard isFolder(place), access(place, W_OK) == 0 else {
    throw WeirError(.io, where: output, "can't be written: \(place) is not a folder that you may write to")
  }
}
