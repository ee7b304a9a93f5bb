# The commands that people type today to check two services at three addresses each: `sh runbook.sh ROOTS AWS`. It runs
# dig twelve times, nc twenty-one times, openssl eighteen times and curl six times, reads metadata four times, and makes
# two calls. The host names are those of the world in tests.bench.spaces. It ends at the first command that fails.
set -eu
roots=$1
aws=$2
region=eu-west-1
backup=backup.$region.amazonaws.com
gateway=backup-gateway.$region.amazonaws.com

for resolver in 10.0.0.2 10.0.9.53 169.254.169.253; do
    for name in $backup $gateway; do
        dig +time=3 +tries=1 "@$resolver" "$name" A
        dig +time=3 +tries=1 "@$resolver" "$name" AAAA
    done
done

look() { # NAME PORTS ADDRESS...
    name=$1 ports=$2
    shift 2
    for address; do
        for port in $ports; do
            nc -z -w 3 "$address" "$port"
            [ "$port" = 2222 ] ||
                openssl s_client -connect "$address:$port" -servername "$name" -CAfile "$roots" </dev/null
        done
        curl -sS --max-time 3 --cacert "$roots" --resolve "$name:443:$address" "https://$name/"
    done
}
look $backup "443" 10.0.1.17 10.0.2.17 10.0.3.17
look $gateway "443 1026 1027 1028 1031 2222" 10.0.1.27 10.0.2.27 10.0.3.27

metadata=http://169.254.169.254/latest
token=$(curl -sS --max-time 3 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $metadata/api/token)
for value in placement/region mac placement/availability-zone; do
    curl -sS --max-time 3 -H "X-aws-ec2-metadata-token: $token" $metadata/meta-data/$value
done

"$aws" backup list-backup-vaults --region $region
"$aws" backup-gateway list-gateways --region $region
