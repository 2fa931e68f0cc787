<?php
// Runs each line of standard input as SQL, and prints the first column of what
// comes back, then "= SQLSTATE".
//
// client.php cakephp FILE: connects as CakePHP's driver does, which puts three
// values into PDO's connection string as they stand
// (src/Database/Driver/Postgres.php); client.php dsn DSN: as it stands.
ini_set('display_errors', 'stderr');
[$how, $given] = [$argv[1], $argv[2]];
$options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION];
if ($how === 'cakephp') {
    $c = cakephp(require $given);
    $db = new PDO("pgsql:host={$c['host']};port={$c['port']};dbname={$c['database']}", $c['username'], $c['password'], $options);
    $db->exec("SET NAMES '{$c['encoding']}'");
} else {
    $db = new PDO($given, null, null, $options);
}
while (($sql = fgets(STDIN)) !== false) {
    $state = '00000';
    try {
        $statement = $db->prepare($sql);
        $statement->execute();
        foreach ($statement->columnCount() > 0 ? $statement->fetchAll(PDO::FETCH_NUM) : [] as $row) {
            echo $row[0], "\n";
        }
    } catch (PDOException $e) {
        $state = $e->errorInfo[0] ?? 'none';
        fwrite(STDERR, $e->getMessage() . "\n");
    }
    echo "= $state\n";
}

function cakephp(array $config): array
{
    return $config['Datasources']['default'];
}
