import ProcCore
import Testing

@Suite struct EntityTagTests {
    @Test(arguments: [
        ("\"a\"", EntityTag("a")), ("W/\"a,b\"", EntityTag("a,b", isWeak: true)), ("\"\"", EntityTag("")),
    ])
    func aTagIsReadAsItIsWritten(text: String, tag: EntityTag) {
        #expect(EntityTag(parsing: text) == tag)
        #expect(tag.description == text)
    }

    @Test(arguments: ["", "a", "\"a", "a\"", "w/\"a\"", "W/a", "\"a\"b", "\"a b\"", "\"a\"b\"", "\"\u{7f}\"", "*"])
    func whatIsNoTagIsNone(text: String) { #expect(EntityTag(parsing: text) == nil) }

    @Test(arguments: ["\"a\", \"b\"", "\"b\" ,W/\"a\"", ",, \"a\",", "*", " * "])
    func aListIncludesWhatItNames(text: String) throws {
        let list = try #require(EntityTagList(parsing: text))
        #expect(list.includes(EntityTag("a")) && list.includes(EntityTag("a", isWeak: true)))
        #expect(list.includes(EntityTag("c")) == (list == .any))
    }

    @Test func whereBytesCountAWeakTagNamesNothing() throws {
        let list = try #require(EntityTagList(parsing: "W/\"a\", \"b\", \"a,b\""))
        #expect(!list.includesExactly(EntityTag("a")) && !list.includesExactly(EntityTag("b", isWeak: true)))
        #expect(list.includesExactly(EntityTag("b")) && list.includesExactly(EntityTag("a,b")))
        #expect(EntityTagList.any.includesExactly(EntityTag("b", isWeak: true)))
    }

    @Test(arguments: ["", ",", "a", "\"a\" \"b\"", "*, \"a\"", "\"a\", *", "\"a"])
    func whatIsNoListIsNone(text: String) { #expect(EntityTagList(parsing: text) == nil) }

    static let conditions: [(String?, EntityTag?, Bool)] = [
        (nil, EntityTag("a"), true), (nil, nil, true), ("\"a\"", EntityTag("a"), true),
        ("\"b\"", EntityTag("a"), false), ("W/\"a\"", EntityTag("a"), false),
        ("\"a\"", EntityTag("a", isWeak: true), false), ("\"a\"", nil, false),
        ("Sun, 06 Nov 1994 08:49:37 GMT", EntityTag("a"), false), ("\"a\", \"b\"", EntityTag("a"), false),
    ]

    @Test(arguments: conditions)
    func aPartIsSentOnlyOfTheSameBytes(field: String?, current: EntityTag?, holds: Bool) {
        #expect(EntityTag.ifRangeHolds(field, for: current) == holds)
    }
}
