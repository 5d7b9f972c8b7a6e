// Files that are read through an index: it is staged with them, and the task is told of both as FILE##idx##INDEX.

// The index beside a BAM, CRAM or FASTA file; nothing where there is none.
def indexOf(path) {
    def name = path.name.toString()
    def endings = [bam: ['bam.bai', 'bai', 'bam.csi'], cram: ['cram.crai', 'crai'], fa: ['fa.fai'], fasta: ['fasta.fai']]
    def ending = endings.keySet().find { known -> name.endsWith(".${known}") }
    if (!ending) {
        return null
    }
    def stem = name[0..<(name.size() - ending.size())]
    return endings[ending].collect { index -> path.resolveSibling("${stem}${index}") }.find { index -> index.exists() }
}

// Where a task sees its files: input1/NAME, input2/NAME, ...; their indices follow behind the last of them.
def places(paths, indices) {
    def last = paths.size()
    return paths.withIndex().collect { path, number ->
        def place = "input${number + 1}/${path.name}".toString()
        if (!indices[number]) {
            return place
        }
        last += 1
        return "${place}##idx##input${last}/${indices[number].name}".toString()
    }
}
