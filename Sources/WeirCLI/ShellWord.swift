/// One word of a command line as a shell reads it: in quotes when it holds a space, a bracket or the like.
func shellWord(_ text: String) -> String {
  let isPlain =
    !text.isEmpty
    && text.unicodeScalars.allSatisfy { $0.properties.isAlphabetic || "0123456789/._-+=:,@%".unicodeScalars.contains($0) }
  return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
}
