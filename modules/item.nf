// What a task is told, as encoded text: no name in it can be read as shell code, break a line or name a path.

// Lines of a script that write an item into item.json.
def written(item) {
    return encoded(groovy.json.JsonOutput.toJson(item), 'item.json')
}

// Lines of a script that write text into a file. No word is longer than 64 KB: one of 128 KB fails in silence.
def encoded(text, name) {
    def whole = text.getBytes('UTF-8').encodeBase64().toString()
    def most = 65536
    def lines = (0..<Math.max(1, whole.size())).step(most).collect { start ->
        "printf '%s' '${whole.substring(start, Math.min(start + most, whole.size()))}'"
    }
    return (['{'] + lines + ["} | base64 -d > ${name}"]).join('\n    ') // indented as scripts are
}

// Engines differ in whether a staged file's name has its folder in front.
def nameOf(staged) {
    return staged.name.toString().tokenize('/').last()
}
