// Runs each line of standard input as SQL, and prints the first column of what
// comes back, then "= SQLSTATE".
//
// client.js uri: connects with DATABASE_URL; client.js json FILE: with what
// landlord printed as JSON; client.js env: with PGHOST and its kin, and a
// pgpass file. (pg does not read PGSSLROOTCERT; the program must.)
const fs = require('fs')
const readline = require('readline')
const { Client } = require('pg')

function settings() {
  const [how, file] = process.argv.slice(2)
  switch (how) {
    case 'uri':
      return { connectionString: process.env.DATABASE_URL }
    case 'json':
      return { connectionString: JSON.parse(fs.readFileSync(file, 'utf8'))[0].uri }
    default:
      return { ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT, 'utf8') } }
  }
}

async function main() {
  const db = new Client(settings())
  await db.connect()
  for await (const sql of readline.createInterface({ input: process.stdin })) {
    let state = '00000'
    try {
      const result = await db.query({ text: sql, rowMode: 'array' })
      for (const row of result.rows) console.log(row[0])
    } catch (err) {
      state = err.code ?? 'none'
      console.error(err.message)
    }
    console.log(`= ${state}`)
  }
  await db.end()
}

main().catch((err) => {
  console.error(err.message)
  process.exit(1)
})
