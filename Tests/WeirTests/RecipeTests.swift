import Testing

/// Recipes are read by the command, so that is what is tested: exit 1 and one line that names file, line and remedy.
@Suite struct RecipeTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let good = """
    data:
      train: none.idx
    flow:
      preset: realnvp
    train:
      epochs: 1
      learning_rate: 1e-3

    """

  private func expectRefused(_ recipe: String, line: Int, _ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws
  {
    let path = try folder.write(recipe, "r.yaml")
    let result = try CommandLineTool.run("train", path, "--output", folder("model"))
    #expect(result.status == 1, sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, sourceLocation: sourceLocation)
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.errors.contains("r.yaml:\(line): "), "\(result.errors)", sourceLocation: sourceLocation)
    #expect(result.errors.contains(text), "\(result.errors)", sourceLocation: sourceLocation)
  }

  private func replacing(_ old: String, _ new: String) -> String { Self.good.replacing(old, with: new) }

  @Test func aGoodRecipeGetsAsFarAsItsData() throws {
    let path = try folder.write(Self.good, "r.yaml")
    let result = try CommandLineTool.run("train", path, "--output", folder("model"))
    #expect(result.status == 1 && result.errors.contains("none.idx: can't be opened"))
  }

  @Test func unknownKeys() throws {
    try expectRefused(replacing("epochs: 1", "epohcs: 1"), line: 6, "train.epohcs is not a known key; did you mean epochs?")
    try expectRefused(replacing("flow:", "folw:"), line: 3, "folw is not a known key; did you mean flow?")
    try expectRefused(replacing("preset: realnvp", "preset: realnvp\n  chanels: 3"), line: 5, "did you mean channels?")
    try expectRefused(replacing("preset: realnvp", "preset: cycle\n  scales: 3"), line: 5, "does not apply to preset cycle")
  }

  @Test func wrongValues() throws {
    try expectRefused(replacing("epochs: 1", "epochs: one"), line: 6, "train.epochs is \"one\"; it must be a whole number")
    try expectRefused(replacing("epochs: 1", "epochs: 0"), line: 6, "it must be 1 to")
    try expectRefused(replacing("epochs: 1", "epochs: [1]"), line: 6, "must be a whole number")
    try expectRefused(replacing("1e-3", "nan"), line: 7, "learning_rate")
    try expectRefused(replacing("preset: realnvp", "preset: realnvq"), line: 4, "did you mean realnvp?")
    try expectRefused(replacing("preset: realnvp", "preset: realnvp\n  skip: yes"), line: 5, "true or false")
    try expectRefused(replacing("epochs: 1", "epochs: 1\n  memory_budget: 3 apples"), line: 7, "256MB")
    try expectRefused(replacing("epochs: 1", "epochs: 1\n  checkpoint_every: 5 days"), line: 7, "N minutes")
    try expectRefused(replacing("epochs: 1", "epochs: 1\n  schedule: cosin"), line: 7, "did you mean cosine?")
    try expectRefused(replacing("epochs: 1", "epochs: 1\n  schedule: {kind: cosine, factor: 2}"), line: 7, "factor")
  }

  @Test func missingParts() throws {
    try expectRefused(replacing("  epochs: 1\n", ""), line: 6, "train.epochs is missing")
    try expectRefused(replacing("  preset: realnvp\n", "  scales: 2\n"), line: 4, "flow.preset is missing")
    try expectRefused("", line: 1, "empty")
    try expectRefused("just text", line: 1, "keys and values")
  }

  @Test func brokenYAML() throws {
    try expectRefused(replacing("epochs: 1", "epochs: [1"), line: 7, "is not YAML")
    try expectRefused(replacing("epochs: 1", "epochs: 1\n  epochs: 2"), line: 6, "a key is given twice: epochs")
  }
}
