// Files that are read through an index: it is staged with them, and the samplesheet names both as FILE##idx##INDEX.

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

// Files are staged as input1/NAME, input2/NAME, ...; their indices follow behind the last of them.
def indexed(sheet, paths, indices) {
    def text = sheet
    def place = paths.size()
    paths.eachWithIndex { path, number ->
        if (indices[number]) {
            place += 1
            def staged = "input${number + 1}/${path.name}"
            text = text.contains("${staged}##idx##") ? text : text.replace(staged, "${staged}##idx##input${place}/${indices[number].name}")
        }
    }
    return text
}
