/// First in, first out, each in constant time on average; what has been taken is let go at once.
struct Queue<Element> {
    private var elements: [Element?] = []
    private var front = 0

    var count: Int { elements.count - front }

    var first: Element? { front < elements.count ? elements[front] : nil }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard front < elements.count else { return nil }
        let element = elements[front]
        elements[front] = nil
        front += 1
        if front == elements.count {
            elements.removeAll(keepingCapacity: front < 1024)
            front = 0
        } else if front >= 64, front * 2 >= elements.count {
            elements.removeFirst(front)
            front = 0
        }
        return element
    }

    mutating func removeFirst() { _ = popFirst() }
}
